// Package data answers whether clients can trust what they read: that what was written stays, that reads are as fresh and in such
// an order as was promised, and that logs and transactions lose and double nothing.
package data

import "simrun/checkers"

// Checks are the checks of what clients wrote and read, as scenarios name them.
func Checks() []checkers.Definition {
	return []checkers.Definition{
		{Name: "durable", Doc: "Once all is healed, every acknowledged write is there to be read, or a newer one.", New: newDurable},
		{Name: "power-safe", Doc: "The same, where the servers lost their power and what they had not synced.", New: newPowerSafe},
		{Name: "rpo", Doc: "A fault that may lose data loses the newest, and no more than was agreed.", New: newRPO},
		{Name: "linearizable", Doc: "What was seen of each object could have come from one that does one thing at a time.", New: newAtomic},
		{Name: "sessions", Doc: "A client's own reads and writes make sense to it, whichever replicas they went to.", New: func() checkers.Check { return &Sessions{} }},
		{Name: "staleness", Doc: "What a read saw was no older than so many versions, or so much time.", New: newStaleness},
		{Name: "no-resurrection", Doc: "What was deleted, or certainly not written, is never read again.", New: func() checkers.Check { return &NoResurrection{} }},
		{Name: "converges", Doc: "After some quiet, all live replicas hold the same.", New: newConverges},
		{Name: "sound-log", Doc: "What is sent to a log is there for those who poll it, once and in order.", New: func() checkers.Check { return &SoundLog{} }},
		{Name: "effects-once", Doc: "Each message of a log has one effect in another, and no more.", New: func() checkers.Check { return &EffectsOnce{} }},
		{Name: "transactions", Doc: "Transactions have the isolation that is promised.", New: newTransactions},
	}
}
