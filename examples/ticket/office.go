package main

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"os"

	"simrun/nodes"
)

// office is a server that hands out numbers: to each who connects the next one, in a line of text.
var office = nodes.Kind{
	Name:   "ticket.office",
	Role:   nodes.Server,
	Doc:    "Hands out numbers, each once.",
	Port:   7000,
	Config: func() any { return &officeConfig{Listen: ":7000", Sync: true} },
	Main:   func(env nodes.Env, config any) error { return serve(env, config.(*officeConfig)) },
	Words:  nodes.Words{Protocols: []nodes.Protocol{{Name: "ticket", Listen: "listen", Read: readTicket}}},
}

// readTicket is the protocol in words, for reports: the office says a number, and nobody says anything to it.
func readTicket(b []byte, asked bool) (m nodes.Message, n int) {
	end := bytes.IndexByte(b, '\n')
	if asked || end > 20 {
		return m, -1
	}
	if end < 0 {
		return m, 0
	}
	return nodes.Message{Name: "number", Text: nodes.Brief(b[:end])}, end + 1
}

type officeConfig struct {
	Listen string `yaml:"listen" doc:"address to accept on"`
	Sync   bool   `yaml:"sync" doc:"make a number durable before it is handed out"`
}

// counter is the last number that was handed out. Its file holds it in eight bytes.
type counter struct {
	last uint64
	file nodes.File
	sync bool
	busy bool
	free nodes.Cond
}

func serve(env nodes.Env, config *officeConfig) error {
	c, err := open(env, config.Sync)
	if err != nil {
		return err
	}
	door, err := env.Listen("tcp", config.Listen)
	if err != nil {
		return err
	}
	env.Go("door", func() {
		for {
			conn, err := door.Accept()
			if err != nil {
				return
			}
			env.Go("counter", func() { c.attend(env, conn) })
		}
	})
	return env.AwaitStop()
}

func open(env nodes.Env, sync bool) (*counter, error) {
	f, err := env.FS().OpenFile("last", os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, err
	}
	if err := env.FS().SyncDir("."); err != nil {
		return nil, err
	}
	var b [8]byte
	if _, err := f.ReadAt(b[:], 0); err != nil && err != io.EOF {
		return nil, err
	}
	return &counter{last: binary.BigEndian.Uint64(b[:]), file: f, sync: sync, free: env.NewCond()}, nil
}

func (c *counter) attend(env nodes.Env, conn net.Conn) {
	defer conn.Close()
	n, err := c.next()
	if err != nil {
		env.Exit(err) // what a failed write left on disk is unknown: start again from there
	}
	fmt.Fprintf(conn, "%d\n", n)
}

// next is the next number. Visitors wait for one another: the file is written in order.
func (c *counter) next() (uint64, error) {
	for c.busy {
		if err := c.free.Wait(); err != nil {
			return 0, err
		}
	}
	c.busy = true
	defer func() { c.busy = false; c.free.Signal() }()
	c.last++
	if _, err := c.file.WriteAt(binary.BigEndian.AppendUint64(nil, c.last), 0); err != nil {
		return 0, err
	}
	if c.sync {
		if err := c.file.Sync(); err != nil {
			return 0, err
		}
	}
	return c.last, nil
}
