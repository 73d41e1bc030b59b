package client

import (
	"errors"
	"log/slog"

	"github.com/twmb/franz-go/pkg/kmsg"

	"simrun/nodes"
	"simrun/nodes/log/wire"
)

// GrowOptions are the further keys of a workload line.
type GrowOptions struct {
	Topic      string `yaml:"topic" doc:"which topic grows; that of the producer if empty"`
	Partitions int    `yaml:"partitions" doc:"how many partitions it is to have"`
}

// Validate says what cannot be meant.
func (o *GrowOptions) Validate() error {
	if o.Partitions < 1 || o.Partitions > mostPartitions {
		return errors.New("partitions: is not between 1 and 100000")
	}
	return nil
}

func growOptions() any { return &GrowOptions{Partitions: 4} }

// grow adds partitions to a topic, and finds out about them. From then on keys may go elsewhere than before.
func (p *producer) grow(request nodes.Request) {
	o, _ := request.Options.(*GrowOptions)
	if o == nil {
		o = growOptions().(*GrowOptions)
	}
	topic := o.Topic
	if topic == "" {
		topic = p.config.Topic
	}
	op := p.env.Record().Invoke(request, "grow", slog.String("topic", topic), slog.Int("partitions", o.Partitions))
	defer p.finish()
	until, pause := p.env.Mark().Add(p.config.Delivery), p.pause()
	uncertain, err := false, error(errUnreachable)
	for lasts(p.env, until) > 0 && !p.stopping {
		for _, r := range p.remotes[:len(p.remotes):len(p.remotes)] {
			code, sent, problem := p.askGrow(r, topic, o.Partitions)
			uncertain = uncertain || sent && problem != nil
			if err = problem; problem == nil && code != wire.None && code != wire.InvalidPartitions {
				err = code
			}
			if err == nil { // or it has as many already
				_ = p.refresh(topic) // else it is found out with the next message that goes astray
				op.Ok()
				return
			}
		}
		if p.rest(pause) != nil {
			break
		}
	}
	if uncertain {
		op.Unknown(err)
		return
	}
	op.Fail(err)
}

func (p *producer) askGrow(r *remote, topic string, partitions int) (code wire.Code, sent bool, err error) {
	request := kmsg.NewPtrCreatePartitionsRequest()
	request.TimeoutMillis = int32(p.brokers.config.Timeout.Milliseconds())
	request.Topics = []kmsg.CreatePartitionsRequestTopic{{Topic: topic, Count: int32(partitions)}}
	answer, sent, err := r.ask(forGroup, request, p.brokers.config.Timeout)
	if err != nil {
		return wire.None, sent, err
	}
	told := answer.(*kmsg.CreatePartitionsResponse)
	if len(told.Topics) != 1 {
		return wire.None, sent, errProtocol
	}
	return wire.Code(told.Topics[0].ErrorCode), sent, nil
}
