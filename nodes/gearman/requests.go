package gearman

import (
	"bytes"
	"errors"
	"strconv"
	"time"
)

// errUnknownType closes a connection that speaks another protocol, or a later one.
var errUnknownType = errors.New("gearman: unknown packet type")

// handle does what a packet asks. An error closes the connection, after what is to be said has been said.
func (v *server) handle(s *session, p Packet) error {
	switch p.Type {
	case SubmitJob, SubmitJobBG, SubmitJobHigh, SubmitJobHighBG, SubmitJobLow, SubmitJobLowBG, SubmitJobEpoch,
		SubmitReduceJob, SubmitReduceJobBG:
		if p.Magic == Request {
			sub, refused := submissionOf(p)
			if refused == nil {
				v.submit(s, sub)
				return nil
			}
			if s.settle() {
				s.refuse(refused)
			}
			return nil
		}
	}
	if s.owed > 0 && !s.settle() {
		return nil
	}
	switch {
	case p.Magic != Request:
		s.refuse(&refusal{"INVALID_MAGIC", "Request magic expected"})
		return nil
	case !p.Type.Known():
		return errUnknownType
	}
	args, err := p.Args()
	if err != nil {
		s.refuse(tooFew)
		return nil
	}
	if refused := v.request(s, p, args); refused != nil {
		s.refuse(refused)
	}
	return nil
}

// request does what a packet other than a submission asks.
func (v *server) request(s *session, p Packet, args Args) *refusal {
	switch p.Type {
	case EchoReq:
		s.send(EchoRes, p.Data)
	case OptionReq:
		if !bytes.EqualFold(word(args[0]), []byte("exceptions")) {
			return &refusal{"UNKNOWN_OPTION", "Server does not recognize given option"}
		}
		s.exceptions = true
		s.send(OptionRes, word(args[0]))
	case SetClientID:
		return s.setID(word(args[0]))
	case AllYours:
	case GetStatus:
		return v.status(s, word(args[0]))
	case GetStatusUnique:
		return v.statusUnique(s, word(args[0]))
	case CanDo:
		return v.canDo(s, word(args[0]), 0)
	case CanDoTimeout:
		seconds, err := strconv.ParseUint(string(word(args[1])), 10, 31)
		if err != nil {
			return &refusal{"INVALID_ARGUMENT", "The timeout is not a number of seconds"}
		}
		return v.canDo(s, args[0], time.Duration(seconds)*time.Second)
	case CantDo:
		v.cantDo(s, word(args[0]))
	case ResetAbilities:
		v.resetAbilities(s)
	case PreSleep:
		v.sleep(s)
	case GrabJob:
		v.grab(s, JobAssign)
	case GrabJobUniq:
		v.grab(s, JobAssignUniq)
	case GrabJobAll:
		v.grab(s, JobAssignAll)
	case WorkData, WorkWarning, WorkStatus, WorkComplete, WorkFail, WorkException:
		return v.report(s, p, args)
	default:
		return &refusal{"INVALID_COMMAND", "Command not expected"}
	}
	return nil
}

// word is an argument that is a name: some clients end it with a NUL though it is the last.
func word(arg []byte) []byte { return bytes.TrimSuffix(arg, []byte{0}) }

func (s *session) setID(id []byte) *refusal {
	switch {
	case len(id) > longestID:
		return &refusal{"ARGUMENT_TOO_LARGE", "Client id too large"}
	case bytes.ContainsAny(id, "\r\n\x00"):
		return &refusal{"INVALID_ARGUMENT", "Client id has more than one line"}
	}
	s.id = bytes.Clone(id)
	return nil
}

// report is what a worker says of a job that it has.
func (v *server) report(s *session, p Packet, args Args) *refusal {
	handle := args[0]
	if p.Type == WorkFail {
		handle = word(handle)
	}
	j := v.jobs[string(handle)]
	if j == nil || j.state != running || j.worker != s {
		v.record.Reach(lateReport)
		return unknownJob[p.Type]
	}
	switch p.Type {
	case WorkData, WorkWarning:
		v.relay(j, p.Type, args[1])
	case WorkStatus:
		numerator, denominator := figure(args[1]), figure(word(args[2]))
		if numerator == j.numerator && denominator == j.denominator && v.env.Point(quietStatus) {
			return nil
		}
		j.numerator, j.denominator = numerator, denominator
		v.relay(j, WorkStatus, p.Data[len(handle)+1:])
	case WorkComplete, WorkException:
		v.conclude(j, p.Type, args[1])
	case WorkFail:
		v.conclude(j, WorkFail, nil)
	}
	return nil
}

// unknownJob is gearmand's wording of a report about a job that the worker does not have.
var unknownJob = func() (r [typeCount]*refusal) {
	for _, t := range []Type{WorkStatus, WorkComplete, WorkFail} {
		r[t] = &refusal{"JOB_NOT_FOUND", "Job given in work result not found"}
	}
	for _, t := range []Type{WorkData, WorkWarning} {
		r[t] = &refusal{"JOB_NOT_FOUND", "Job does not exist on server"}
	}
	r[WorkException] = &refusal{"JOB_NOT_FOUND", "An exception was received for a job that does not exist"}
	return
}()

// figure is a number of a WORK_STATUS, zero where it is none.
func figure(text []byte) uint32 {
	n, err := strconv.ParseUint(string(text), 10, 32)
	if err != nil {
		return 0
	}
	return uint32(n)
}

// status is GET_STATUS.
func (v *server) status(s *session, handle []byte) *refusal {
	if len(handle) > MaxHandle {
		return &refusal{"ARGUMENT_TOO_LARGE", "Job handle too large"}
	}
	known, going, numerator, denominator := v.jobs[string(handle)].standing()
	s.send(StatusRes, handle, known, going, numerator, denominator)
	return nil
}

// statusUnique is GET_STATUS_UNIQUE. Of several functions' jobs of one id it means the oldest.
func (v *server) statusUnique(s *session, unique []byte) *refusal {
	if len(unique) > MaxUnique {
		return &refusal{"ARGUMENT_TOO_LARGE", "Unique value too large"}
	}
	j := v.uniques[string(unique)]
	known, going, numerator, denominator := j.standing()
	clients := 0
	if j != nil {
		clients = len(j.listeners)
	}
	s.send(StatusResUnique, unique, known, going, numerator, denominator, strconv.AppendInt(nil, int64(clients), 10))
	return nil
}

// standing is what may be told of a job, which may be nil: whether it is known, whether it runs, how far it
// is.
func (j *job) standing() (known, going, numerator, denominator []byte) {
	no, yes := []byte("0"), []byte("1")
	if j == nil || j.state == pending {
		return no, no, no, no
	}
	going = no
	if j.state == running || j.state == ending && j.ran {
		going = yes
	}
	return yes, going, strconv.AppendUint(nil, uint64(j.numerator), 10), strconv.AppendUint(nil, uint64(j.denominator), 10)
}
