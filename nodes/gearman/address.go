package gearman

import (
	"simrun/nodes"
)

// address is where a server is dialled: its own port, or the protocol's.
func address(server nodes.NodeName) string { return nodes.Address(server, "4730") }

// moments are the names of the notes of packets that a kind sends and receives.
func moments(sent, received []Type) []string {
	var names []string
	for _, t := range sent {
		names = append(names, sentNotes[t])
	}
	for _, t := range received {
		names = append(names, receivedNotes[t])
	}
	return names
}
