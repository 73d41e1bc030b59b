package explore_test

import (
	"errors"
	"io"
	"os"
	"time"

	"simrun/checkers"
	"simrun/checkers/evidence"
	"simrun/nodes"
	"simrun/scenarios"
)

// office answers calls. It has a bug: once it was killed more often than its retries allow, it refuses long ones. What
// else it can be told has nothing to do with it.
var office = nodes.Kind{Name: "test.office", Role: nodes.Server, Doc: "Answers calls.",
	Config: func() any { return &officeConfig{Patience: time.Minute, Haste: time.Millisecond} },
	Main: func(env nodes.Env, config any) error {
		f, err := env.FS().OpenFile("begun", os.O_RDWR|os.O_CREATE, 0o644)
		if err != nil {
			return err
		}
		killed, err := f.Size()
		if err == nil {
			_, err = f.WriteAt([]byte{1}, killed)
		}
		if err != nil {
			return err
		}
		door, err := env.Listen("tcp", ":7")
		if err != nil {
			return err
		}
		env.Go("door", func() {
			for {
				conn, err := door.Accept()
				if err != nil {
					return
				}
				env.Go("call", func() {
					defer conn.Close()
					var call [1]byte
					if _, err := io.ReadFull(conn, call[:]); err == nil {
						if call[0] == 'l' && killed > int64(config.(*officeConfig).Retries) {
							call[0] = '!'
						}
						_, _ = conn.Write(call[:])
					}
				})
			}
		})
		return env.AwaitStop()
	}}

type officeConfig struct {
	Retries  int           `yaml:"retries" doc:"how often it may be killed"`
	Patience time.Duration `yaml:"patience" doc:"of no effect"`
	Haste    time.Duration `yaml:"haste" doc:"of no effect"`
	Noise    nodes.Percent `yaml:"noise" doc:"of no effect"`
	Rest     nodes.Spread  `yaml:"rest" doc:"of no effect"`
	Strict   bool          `yaml:"strict" doc:"of no effect"`
}

// caller calls an office.
var caller = nodes.Kind{Name: "test.caller", Role: nodes.Client, Doc: "Calls an office.",
	Config:     func() any { return &callerConfig{} },
	Operations: []nodes.Operation{{Name: "call", Mix: []string{"short", "long", "both"}, Options: func() any { return &callOptions{} }}},
	Main: func(env nodes.Env, config any) error {
		for {
			request, err := env.Next()
			if err != nil {
				return err
			}
			env.Go("call", func() { call(env, string(config.(*callerConfig).Servers[0]), request) })
		}
	}}

type callerConfig struct {
	Servers []nodes.NodeName `yaml:"servers,required" doc:"whom to call"`
}

type callOptions struct {
	Loud nodes.Percent `yaml:"loud" doc:"of no effect"`
}

func call(env nodes.Env, server string, request nodes.Request) {
	op := env.Record().Invoke(request, "call")
	conn, err := env.Dial("tcp", server+":7", time.Second)
	if err != nil {
		op.Fail(err)
		return
	}
	defer conn.Close()
	answer := []byte(request.Variant[:1])
	if _, err = conn.Write(answer); err == nil {
		_, err = io.ReadFull(conn, answer)
	}
	switch {
	case err != nil:
		op.Unknown(err)
	case answer[0] == '!':
		op.Fail(errRefused)
	default:
		op.Ok()
	}
}

var errRefused = errors.New("refused")

type answered struct {
	Retries int `yaml:"retries" doc:"how often an office may be killed"`
}

// Judge looks for a call that an office refused.
func (*answered) Judge(e *evidence.Evidence) checkers.Judgement {
	for _, o := range e.Operations {
		if o.Reason == errRefused.Error() {
			return checkers.Judgement{Verdict: checkers.Violated, Anomaly: "refused-call", Reason: o.Reason, Witness: []uint64{o.ID}}
		}
	}
	return checkers.Judgement{Verdict: checkers.Holds}
}

var telephones = scenarios.Catalog{Kinds: []nodes.Kind{office, caller}, Checks: []checkers.Definition{
	{Name: "test.answered", Doc: "No office refuses a call.", New: func() checkers.Check { return &answered{} }}}}

// offices says more of its world than the bug of its office needs.
const offices = `scenario: offices
link-classes:
  lan: {delay: 1ms..9ms, loss: 1%}
  wan: {delay: ~20ms, bandwidth: 1MiB}
sites:
  hall: {power: grid, ups: 10s, inside: lan}
  shed: {power: grid}
  yard: {power: mains, inside: lan}
links:
  - {between: [hall, shed, yard], is: wan}
nodes:
  office: {run: test.office, site: hall, with: {retries: 5, patience: 20s, haste: 1s, noise: 3%, rest: 1s..9s, strict: true}, limits: {files: 100}, restart: never}
  caller: {run: test.caller, site: shed, with: {servers: [office]}, restart: 5s}
  idler:  {run: test.caller, site: yard, with: {servers: [office]}}
workload:
  - {from: [caller, idler], do: call, rate: 8/s, mix: {short: 30%, long: 50%, both: 20%}, loud: 7%}
phases:
  - phase: day
    lasts: 14s
    faults:
      - {at: 3.14159s, crash: office, for: 271.828ms}
      - {at: 5s, crash: office, for: 1s}
      - {at: 7s, crash: office, for: 1s}
      - {at: 9s, crash: office, for: 1s}
      - {at: 10.5s, crash: office, for: 1s}
      - {at: 12s, crash: office, for: 1s}
  - phase: night
    lasts: 3s
    heal: all
    workload: stop
claims:
  - claim: answered
    check: {name: test.answered, retries: 5}
`
