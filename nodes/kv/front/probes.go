package front

import "simrun/nodes/probe"

// Probes are what ought to be reached in some run, and what must hold in all.
var Probes probe.Set

var (
	notWelcome     = Probes.Reachable("a client was refused at the door")
	notTheProtocol = Probes.Reachable("a client did not keep to the protocol")
	idleClosed     = Probes.Reachable("a silent client was closed")
	peerDeaf       = Probes.Reachable("a client that does not read was closed")
	waitedForTurn  = Probes.Sometimes("a command waited for those before it")
	waitedForPeer  = Probes.Sometimes("a command waited for its client to read")

	answeredOnce = Probes.Always("a command is answered once")
)
