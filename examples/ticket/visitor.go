package main

import (
	"bufio"
	"errors"
	"io"
	"log/slog"
	"strconv"
	"strings"
	"time"

	"simrun/nodes"
)

// visitor is a client: each arrival of the workload takes one number, and does not wait for the others.
var visitor = nodes.Kind{
	Name:       "ticket.visitor",
	Role:       nodes.Client,
	Doc:        "Takes numbers from an office.",
	Config:     func() any { return &visitorConfig{Timeout: time.Second} },
	Main:       func(env nodes.Env, config any) error { return visit(env, config.(*visitorConfig)) },
	Operations: []nodes.Operation{{Name: "take"}},
}

type visitorConfig struct {
	Office  nodes.NodeName `yaml:"office,required" doc:"the office to go to"`
	Timeout time.Duration  `yaml:"timeout" doc:"how long to wait for a number"`
}

func visit(env nodes.Env, config *visitorConfig) error {
	for {
		request, err := env.Next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		env.Go("take", func() { take(env, config, request) })
	}
}

// take says of each number what is known of it: had it (Ok), certainly not (Fail), or nobody knows (Unknown).
func take(env nodes.Env, config *visitorConfig, request nodes.Request) {
	op := env.Record().Invoke(request, "take")
	conn, err := env.Dial("tcp", string(config.Office)+":7000", config.Timeout)
	if err != nil {
		op.Fail(err)
		return
	}
	defer conn.Close()
	if err := conn.SetDeadline(env.Now().Add(config.Timeout)); err != nil {
		op.Fail(err)
		return
	}
	line, err := bufio.NewReader(conn).ReadString('\n')
	if err != nil {
		op.Unknown(err)
		return
	}
	n, err := strconv.ParseUint(strings.TrimSpace(line), 10, 64)
	if err != nil {
		op.Unknown(err)
		return
	}
	op.Ok(slog.Uint64("number", n))
}
