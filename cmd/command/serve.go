package command

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"simrun/nodes"
	"simrun/nodes/osenv"
	"simrun/scenarios/decode"
)

// serving is what the flags of serve say.
type serving struct {
	name, listen, advertise, data string
	peers, set                    []string
	verbose                       bool
}

func (c *call) serveCommand() *cobra.Command {
	var s serving
	cmd := &cobra.Command{
		Use:   "serve KIND",
		Short: "Run a node for real: real sockets, real files",
		Long: `Serve runs a node as it runs in scenarios, but on this machine: real sockets, real files, the real clock.
SIGTERM or an interrupt asks it to stop; a second one kills it.

Kinds:
` + c.kinds(),
		Example: `  simrun serve gearman.server --listen 127.0.0.1:4730 --data /var/lib/jobs
  simrun serve gearman.worker --peers jobs=127.0.0.1:4730 --set servers=[jobs]`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) == 0 {
				return fmt.Errorf("which kind of node? There are\n%s", strings.TrimRight(c.kinds(), "\n"))
			}
			return c.serve(cmd.Context(), args[0], s)
		},
	}
	f := cmd.Flags()
	f.StringVar(&s.listen, "listen", "", "the `ADDRESS` to accept on, such as 127.0.0.1:4730")
	f.StringVar(&s.data, "data", "", "the `DIR`ectory that is the node's disk")
	f.StringVar(&s.name, "name", "", "what the node is called; its kind otherwise")
	f.StringVar(&s.advertise, "advertise", "", "the `ADDRESS` that the node tells its clients")
	f.StringArrayVar(&s.peers, "peers", nil, "where other nodes are: `NAME=HOST:PORT` (may be repeated, or separated by commas)")
	f.StringArrayVar(&s.set, "set", nil, "set `KEY=VALUE` of the node's configuration, as its `with:` does (may be repeated)")
	f.BoolVar(&s.verbose, "verbose", false, "log more")
	return cmd
}

// kinds lists what can be served, with what each can be told.
func (c *call) kinds() string {
	var b strings.Builder
	for _, k := range c.Catalog.Kinds {
		fmt.Fprintf(&b, "  %-16s %s\n", k.Name, k.Doc)
		if k.Config != nil {
			fmt.Fprintf(&b, "  %-16s --set %s\n", "", strings.Join(decode.Keys(k.Config()), ", "))
		}
	}
	return b.String()
}

func (c *call) serve(ctx context.Context, kind string, s serving) error {
	i := slices.IndexFunc(c.Catalog.Kinds, func(k nodes.Kind) bool { return k.Name == kind })
	if i < 0 {
		return fmt.Errorf("there is no kind %q; there are\n%s", kind, strings.TrimRight(c.kinds(), "\n"))
	}
	k := &c.Catalog.Kinds[i]
	config, err := configOf(k, s.set, s.listen, s.advertise)
	if err != nil {
		return err
	}
	peers, err := s.addresses()
	if err != nil {
		return err
	}
	if s.name == "" {
		s.name = k.Name
	}
	level := slog.LevelInfo
	if s.verbose {
		level = slog.LevelDebug
	}
	log := slog.New(slog.NewTextHandler(c.Err, &slog.HandlerOptions{Level: level}))
	host := osenv.New(osenv.Options{Host: s.name, DataDir: s.data, Peers: peers, Log: log})
	log.Info("serving", "kind", k.Name, "name", s.name, "pid", os.Getpid())
	if ctx == nil {
		ctx = context.Background()
	}
	if err := osenv.Serve(ctx, host, func(env nodes.Env) error { return k.Main(env, config) }); err != nil {
		c.code = Violated
		c.warn("%s ended: %v", s.name, err)
		return nil
	}
	log.Info("stopped", "name", s.name)
	return nil
}

// addresses is where the peers are.
func (s serving) addresses() (map[string]string, error) {
	peers := map[string]string{}
	for _, list := range s.peers {
		for pair := range strings.SplitSeq(list, ",") {
			name, address, found := strings.Cut(pair, "=")
			if !found || name == "" || address == "" {
				return nil, fmt.Errorf("--peers %q: say NAME=HOST:PORT", pair)
			}
			if _, twice := peers[name]; twice {
				return nil, errors.New("--peers names " + name + " twice")
			}
			peers[name] = address
		}
	}
	return peers, nil
}
