package main

import (
	"bufio"
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"os"

	"simrun/nodes"
	"simrun/nodes/serve"
)

// counterServer keeps the number that the lock protects: "get TOKEN" tells it, "put VALUE TOKEN" changes it.
var counterServer = nodes.Kind{
	Name:   "lock.counter",
	Role:   nodes.Server,
	Doc:    "Keeps a number that those who hold a lock read and write.",
	Port:   7100,
	Config: func() any { return &counterConfig{Listen: ":7100", Fenced: true} },
	Main:   func(env nodes.Env, config any) error { return count(env, config.(*counterConfig)) },
}

type counterConfig struct {
	Listen string `yaml:"listen" doc:"address to accept on"`
	Fenced bool   `yaml:"fenced" doc:"refuse those whose token is older than one that was seen"`
}

// counter is the number and the newest token, which its file holds in sixteen bytes: too few to be torn.
//
// Invariant: what the file holds durably is what anybody was told.
type counter struct {
	env          nodes.Env
	file         nodes.File
	value, token uint64
	fenced       bool
	busy         bool
	free         nodes.Cond
}

func count(env nodes.Env, config *counterConfig) error {
	f, err := env.FS().OpenFile("counter", os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return err
	}
	if err := env.FS().SyncDir("."); err != nil {
		return err
	}
	var b [16]byte
	if _, err := f.ReadAt(b[:], 0); err != nil && err != io.EOF {
		return err
	}
	c := &counter{env: env, file: f, fenced: config.Fenced, free: env.NewCond(),
		value: binary.BigEndian.Uint64(b[:8]), token: binary.BigEndian.Uint64(b[8:])}
	door, err := env.Listen("tcp", config.Listen)
	if err != nil {
		return err
	}
	env.Go("door", func() {
		serve.Accept(env, door, func(conn net.Conn) { env.Go("client", func() { c.attend(conn) }) })
	})
	return env.AwaitStop()
}

func (c *counter) attend(conn net.Conn) {
	defer conn.Close()
	lines := bufio.NewScanner(conn)
	lines.Buffer(make([]byte, longestLine), longestLine)
	for lines.Scan() {
		answer, err := c.answer(lines.Text())
		if err != nil {
			c.env.Exit(err) // what a failed write left on disk is unknown: start again from there
		}
		if _, err := fmt.Fprintln(conn, answer); err != nil {
			return
		}
	}
}

// answer does one request after the other. A get shows its token as well, and so fences off all who read before it:
// a put that came after it with an older token would be overwritten unseen.
func (c *counter) answer(request string) (string, error) {
	for c.busy {
		if err := c.free.Wait(); err != nil {
			return "", err
		}
	}
	c.busy = true
	defer func() { c.busy = false; c.free.Signal() }()
	var value, token uint64
	puts, _ := fmt.Sscanf(request, "put %d %d", &value, &token)
	gets, _ := fmt.Sscanf(request, "get %d", &token)
	switch {
	case puts != 2 && gets != 1:
		return "refused what is this", nil
	case c.fenced && token < c.token:
		return fmt.Sprintf("fenced %d is older than %d", token, c.token), nil
	case puts != 2:
		value = c.value
	}
	if err := c.keep(value, max(token, c.token)); err != nil {
		return "", err
	}
	return fmt.Sprint("value ", c.value), nil
}

// keep makes the number and the token durable.
func (c *counter) keep(value, token uint64) error {
	if value == c.value && token == c.token {
		return nil
	}
	if _, err := c.file.WriteAt(binary.BigEndian.AppendUint64(binary.BigEndian.AppendUint64(nil, value), token), 0); err != nil {
		return err
	}
	c.value, c.token = value, token
	return c.file.Sync()
}
