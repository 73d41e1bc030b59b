package gearman

import (
	"slices"

	"simrun/nodes"
	"simrun/nodes/journal"
	"simrun/nodes/probe"
)

// Server is a Gearman job server.
var Server = nodes.Kind{
	Name:   "gearman.server",
	Role:   nodes.Server,
	Doc:    "A Gearman job server that keeps background jobs in a journal.",
	Port:   4730,
	Config: func() any { return DefaultServerConfig() },
	Main:   func(env nodes.Env, config any) error { return newServer(env, config.(*ServerConfig)).run() },
	Notes: append(moments(
		[]Type{Noop, JobCreated, NoJob, JobAssign, JobAssignUniq, JobAssignAll, EchoRes, Error, StatusRes, StatusResUnique,
			OptionRes, WorkStatus, WorkData, WorkWarning, WorkComplete, WorkFail, WorkException},
		[]Type{CanDo, CantDo, ResetAbilities, PreSleep, SubmitJob, SubmitJobBG, SubmitJobHigh, SubmitJobHighBG, SubmitJobLow,
			SubmitJobLowBG, SubmitJobSched, SubmitJobEpoch, SubmitReduceJob, SubmitReduceJobBG, GrabJob, GrabJobUniq, GrabJobAll,
			GetStatus, GetStatusUnique, EchoReq, OptionReq, SetClientID, CanDoTimeout, AllYours,
			WorkStatus, WorkData, WorkWarning, WorkComplete, WorkFail, WorkException}),
		"job-queued", "job-coalesced", "job-assigned", "job-done", "job-dropped", "job-due", "job-expired", "job-requeued",
		"job-exhausted", "job-cancelled", "worker-woken", "worker-lost", "replayed"),
	Probes: []*probe.Set{&serverProbes, &journal.Probes},
	Points: slices.Concat(serverPoints, journal.Points),
	Words:  nodes.Words{Protocols: []nodes.Protocol{protocol}, Gauges: gauges, Moments: serverMoments},
}
