package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"strings"
	"time"

	"simrun/nodes"
)

// user is a client: each arrival of the workload adds one to the counter, under the lock, and does not wait for the others.
var user = nodes.Kind{
	Name: "lock.user",
	Role: nodes.Client,
	Doc:  "Takes a lock, adds one to a counter, and releases the lock.",
	Config: func() any {
		return &userConfig{Lease: 300 * time.Millisecond, Patience: 5 * time.Second, Thinks: nodes.Spread{Lo: time.Millisecond, Hi: 20 * time.Millisecond}}
	},
	Main:       func(env nodes.Env, config any) error { return use(env, config.(*userConfig)) },
	Operations: []nodes.Operation{{Name: "increment"}},
}

type userConfig struct {
	Servers  []nodes.NodeName `yaml:"servers,required" doc:"the servers of the lock service"`
	Counter  nodes.NodeName   `yaml:"counter,required" doc:"who keeps the number"`
	Lease    time.Duration    `yaml:"lease" doc:"for how long to ask for the lock"`
	Patience time.Duration    `yaml:"patience" doc:"how long to try to get it"`
	Thinks   nodes.Spread     `yaml:"thinks" doc:"time between reading the number and writing it"`
}

func use(env nodes.Env, config *userConfig) error {
	for number := 1; ; number++ {
		request, err := env.Next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		t := &turn{env: env, config: config, owner: fmt.Sprintf("%s-%d-%d", env.Host(), env.Now().UnixNano(), number)}
		env.Go("increment", func() { t.increment(env.Record().Invoke(request, "increment")) })
	}
}

// turn is one increment. Each is an owner of its own, so that those of one process exclude each other too.
type turn struct {
	env    nodes.Env
	config *userConfig
	owner  string
}

// increment says what is known of it: done (Ok), certainly not (Fail), or nobody knows (Unknown).
func (t *turn) increment(op nodes.Op) {
	token, err := t.acquire()
	if err != nil {
		op.Fail(err)
		return
	}
	defer t.release(token)
	value, err := t.counter("get %d", token)
	if err != nil {
		op.Fail(err) // reading changes nothing
		return
	}
	if err := t.env.Sleep(t.config.Thinks.Pick(t.env.Rand())); err != nil {
		op.Fail(err)
		return
	}
	switch _, err := t.counter("put %d %d", value+1, token); {
	case err == nil:
		op.Ok(slog.Uint64("value", value+1))
	case errors.Is(err, errRefused):
		op.Fail(err)
	default:
		op.Unknown(err)
	}
}

// errRefused says that something was certainly not done.
var errRefused = errors.New("refused")

// acquire asks one server after the other until one grants the lock.
func (t *turn) acquire() (token uint64, err error) {
	until := t.env.Mark().Add(t.config.Patience)
	for i := 0; until.Sub(t.env.Mark()) > 0; i++ {
		server := string(t.config.Servers[i%len(t.config.Servers)]) + ":7000"
		answer, err := t.ask(server, fmt.Sprintf("acquire counter %s %d", t.owner, t.config.Lease.Milliseconds()))
		if n, _ := fmt.Sscanf(answer, "granted %d", &token); err == nil && n == 1 {
			return token, nil
		}
		if err := t.env.Sleep(20 * time.Millisecond); err != nil {
			return 0, err
		}
	}
	return 0, errors.New("the lock was not to be had")
}

// release gives the lock back, if it can. Else the lease runs out.
func (t *turn) release(token uint64) {
	for _, server := range t.config.Servers {
		if answer, err := t.ask(string(server)+":7000", fmt.Sprintf("release counter %d", token)); err == nil && answer == "released" {
			return
		}
	}
}

// counter asks the counter, and reads a value from its answer.
func (t *turn) counter(form string, args ...any) (value uint64, err error) {
	answer, err := t.ask(string(t.config.Counter)+":7100", fmt.Sprintf(form, args...))
	if err != nil {
		return 0, err
	}
	if n, _ := fmt.Sscanf(answer, "value %d", &value); n != 1 {
		return 0, fmt.Errorf("%w: %s", errRefused, answer)
	}
	return value, nil
}

// ask says a line to a server and hears one. What fails before it was said is refused for certain.
func (t *turn) ask(server, line string) (answer string, err error) {
	conn, err := t.env.Dial("tcp", server, 200*time.Millisecond)
	if err != nil {
		return "", fmt.Errorf("%w: %w", errRefused, err)
	}
	defer conn.Close()
	if err := conn.SetDeadline(t.env.Now().Add(time.Second)); err != nil {
		return "", fmt.Errorf("%w: %w", errRefused, err)
	}
	return exchange(conn, line)
}

func exchange(conn net.Conn, line string) (answer string, err error) {
	if _, err := fmt.Fprintln(conn, line); err != nil {
		return "", err
	}
	answer, err = bufio.NewReader(conn).ReadString('\n')
	return strings.TrimSpace(answer), err
}
