package main

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"os/exec"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
)

// Three servers of one cluster are three lines that differ in a number. One that is given another's folder says so.
func TestThreeServersByTheirNumbers(t *testing.T) {
	d := sitDown(t)
	var peers []string
	for n := range 3 {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		require.NoError(t, err)
		defer l.Close()
		peers = append(peers, fmt.Sprintf("kv-%d=%s", n+1, l.Addr()))
		require.NoError(t, l.Close())
	}
	line := func(n int, folder string) []string {
		return []string{"serve", "kv.raft", "--node", fmt.Sprint(n), "--listen", "127.0.0.1:0", "--data", d.path(folder),
			"--peers", strings.Join(peers, ","), "--set", "election-timeout=100ms"}
	}
	var servers []*exec.Cmd
	led := make(chan string, 100)
	for n := 1; n <= 3; n++ {
		cmd := exec.Command(simrun, line(n, fmt.Sprint("kv-", n))...)
		log, err := cmd.StderrPipe()
		require.NoError(t, err)
		require.NoError(t, cmd.Start())
		defer cmd.Process.Kill()
		servers = append(servers, cmd)
		go func() {
			lines := bufio.NewScanner(log)
			for lines.Scan() {
				if strings.Contains(lines.Text(), "became leader") {
					led <- lines.Text()
					break
				}
			}
			_, _ = io.Copy(io.Discard, log)
			led <- ""
		}()
	}
	require.Contains(t, <-led, "became leader")

	_, said, code := d.types(append(line(1, "kv-1"), "--set", "peer-listen=127.0.0.1:0")...)
	require.Equal(t, 1, code)
	require.Contains(t, said, "is another one running on "+d.path("kv-1")+"?")
	require.Contains(t, d.complains(line(4, "kv-4")...), "--peers names 3 servers")
	require.Contains(t, d.complains("serve", "gearman.server", "--node", "1", "--peers", peers[0]), "gearman.server has no servers")
	for _, cmd := range servers {
		require.NoError(t, cmd.Process.Signal(syscall.SIGTERM))
	}
	for ended := 0; ended < len(servers); {
		if <-led == "" {
			ended++
		}
	}
	for _, cmd := range servers {
		require.NoError(t, cmd.Wait(), "asked to stop, it ends with 0")
	}
}
