package osenv

import (
	"context"
	"os"
	"os/signal"
	"syscall"

	"simrun/nodes"
)

// Serve runs a node on a host as a process of its own. SIGTERM, SIGINT or the end of ctx ask it to stop; a second
// signal kills it. It returns what Host.Run returns.
func Serve(ctx context.Context, h *Host, main func(nodes.Env) error) error {
	signals := make(chan os.Signal, 2)
	signal.Notify(signals, syscall.SIGTERM, os.Interrupt)
	defer signal.Stop(signals)
	result := make(chan error, 1)
	go func() { result <- h.Run(main) }()
	done := ctx.Done()
	asked := false
	for {
		select {
		case err := <-result:
			return err
		case <-done:
			done, asked = nil, true
			h.Stop()
		case s := <-signals:
			if asked {
				h.log.Warn("killed by a second signal", "signal", s.String())
				go h.Kill()
				continue
			}
			asked = true
			h.log.Info("stopping", "signal", s.String())
			h.Stop()
		}
	}
}
