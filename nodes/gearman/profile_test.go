package gearman

import (
	"fmt"
	"os"
	"runtime/pprof"
)

// profiled writes a CPU profile of a measured server to a file whose name begins as GEARMAN_BENCHMARK_PROFILE says.
func profiled() (stop func()) {
	name := os.Getenv("GEARMAN_BENCHMARK_PROFILE")
	if name == "" {
		return func() {}
	}
	file, err := os.Create(fmt.Sprintf("%s.%d", name, os.Getpid()))
	if err != nil {
		panic(err)
	}
	if err := pprof.StartCPUProfile(file); err != nil {
		panic(err)
	}
	return func() {
		pprof.StopCPUProfile()
		file.Close()
	}
}
