package refused

import (
	crand "crypto/rand" // want `does not import crypto/rand: use env.Rand`
	"errors"
	"fmt"
	"log/slog"
	old "math/rand"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"os/exec" // want `does not import os/exec`
	"path/filepath"
	"syscall"
)

func machine(r *rand.Rand) error {
	crand.Read(nil)
	_ = exec.Command("true")
	_ = rand.IntN(3)                   // want `rand.IntN: use env.Rand`
	_ = old.Intn(3)                    // want `rand.Intn: use env.Rand`
	rand.Shuffle(2, func(i, j int) {}) // want `rand.Shuffle`
	_ = rand.New(rand.NewPCG(1, 2)).IntN(3) + r.IntN(3)
	_, _ = os.Open("x")           // want `os.Open: use env.FS`
	_ = os.Getenv("x")            // want `os.Getenv: use the node's Config`
	_ = os.Stdout                 // want `os.Stdout: use env.Log`
	os.Exit(1)                    // want `os.Exit: use env.Exit`
	_, _ = net.Dial("tcp", "x")   // want `net.Dial: use env.Dial`
	_, _ = net.Listen("tcp", "x") // want `net.Listen: use env.Dial`
	var _ net.Dialer              // want `net.Dialer`
	_, _ = net.LookupHost("x")    // want `net.LookupHost`
	_, _ = net.Pipe()             // want `net.Pipe`
	_, _ = http.Get("x")          // want `http.Get: its clients and servers`
	_, _ = http.ReadRequest(nil)
	_, _ = filepath.Glob("*") // want `filepath.Glob: use env.FS`
	_ = filepath.Join("a", "b")
	fmt.Println()  // want `fmt.Println: use env.Log`
	println()      // want `does not print`
	slog.Info("x") // want `slog.Info: use env.Log`
	_ = slog.Int("n", 1)
	var conn net.Conn
	_, _ = fmt.Fprintf(conn, "%d", os.O_RDWR)
	var e *os.PathError
	if errors.As(os.ErrNotExist, &e) || errors.Is(net.ErrClosed, syscall.ENOENT) {
		return e
	}
	_, _, err := net.SplitHostPort("x:1")
	return err
}

// A variable may be called as a package is.
func hides(rand *rand.Rand) int { return rand.IntN(3) }

func permitted() {
	_ = os.Getpid() //simvet:allow it is only shown
	//simvet:allow it is only shown
	_ = os.Getpid()
	/* want `say why` */ //simvet:allow
}

func notPermitted() {
	_ = os.Getpid() // want `os.Getpid`
}
