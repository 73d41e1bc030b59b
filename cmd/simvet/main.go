// Command simvet finds what node code does behind its Env's back. It is a tool for go vet:
//
//	go build -o simvet simrun/cmd/simvet
//	go vet -vettool=$PWD/simvet ./...
package main

import (
	"golang.org/x/tools/go/analysis/unitchecker"

	"simrun/cmd/simvet/purity"
)

func main() { unitchecker.Main(purity.Analyzer) }
