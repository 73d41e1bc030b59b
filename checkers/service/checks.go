// Package service answers whether clients are served: how many calls, how soon, with which breaks, and how soon again after a
// fault. Of each call it asks first whether the weather excuses it.
package service

import "simrun/checkers"

// Checks are the checks of whether clients are served, as scenarios name them.
func Checks() []checkers.Definition {
	return []checkers.Definition{
		{Name: "available", Doc: "In every window, nearly all valid calls are answered in time.", New: newAvailable},
		{Name: "longest-outage", Doc: "Whenever somebody asks, somebody soon gets a good answer, whatever the weather.", New: newLongestOutage},
		{Name: "recovers", Doc: "After each fault's end, service is soon back and stays.", New: newRecovers},
		{Name: "failover", Doc: "From a fault's start, those who still reach a server are soon served again.", New: newFailover},
		{Name: "no-metastable-tail", Doc: "Once healed, and still under load, everybody is served and nobody left without an answer.", New: newNoMetastableTail},
		{Name: "minority", Doc: "Where the servers are split, the majority soon serves and a minority answers nothing.", New: newMinority},
		{Name: "total-availability", Doc: "Whoever reaches a live server is answered, partition or not.", New: newTotalAvailability},
		{Name: "degradation", Doc: "What goes on in a phase costs the calls that it leaves valid little time and few answers.", New: newDegradation},
		{Name: "error-budget", Doc: "Calls that go wrong do not come faster than the objective's budget can bear.", New: newErrorBudget},
		{Name: "unknown-fraction", Doc: "Few valid calls end without an answer.", New: newUnknownFraction},
		{Name: "rto", Doc: "After all servers were down at once, service is soon back and stays.", New: newRTO},
		{Name: "supplier-arithmetic", Doc: "Suppliers are dark at once for the product of their shares, and clients are without service for little more.", New: newSupplierArithmetic},
		{Name: "capacity", Doc: "Over a matrix, throughput grows with the machines.", New: newCapacity},
	}
}
