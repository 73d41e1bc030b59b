// Command cmdmain knows a node. Its main function runs in no world, the rest of it may.
package main

import (
	"os"
	"time"

	"simrun/nodes"
)

var _ nodes.Env

func main() { os.Exit(run()) }

func run() int { return time.Now().Second() } // want `time.Now`
