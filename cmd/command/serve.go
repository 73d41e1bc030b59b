package command

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
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
	node                          int // which of the peers it is, from 1; 0 if that is said in other words
	verbose                       bool
}

func (c *call) serveCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:                   "serve KIND …",
		DisableFlagsInUseLine: true,
		Short:                 "Run a node for real: real sockets, real files",
		Long: `Serve runs a node as it runs in scenarios, but on this machine: real sockets, real files, the real
clock. SIGTERM or an interrupt asks it to stop; a second one kills it.`,
		Example: c.example(`  simrun serve gearman.server --listen 127.0.0.1:4730 --data jobs
  simrun serve gearman.worker --peers jobs=127.0.0.1:4730 --set servers=[jobs]`),
		Args: cobra.ArbitraryArgs,
		RunE: func(_ *cobra.Command, args []string) error {
			if len(args) == 0 {
				return fmt.Errorf("which kind of node? There are %s", c.kinds())
			}
			return fmt.Errorf("there is no kind %q; there are %s", args[0], c.kinds())
		},
	}
	for i := range c.Catalog.Kinds {
		cmd.AddCommand(c.kindCommand(&c.Catalog.Kinds[i]))
	}
	return cmd
}

func (c *call) kinds() string {
	var names []string
	for _, k := range c.Catalog.Kinds {
		names = append(names, k.Name)
	}
	return strings.Join(names, ", ")
}

// kindCommand serves one kind of node, and knows what it can be told.
func (c *call) kindCommand(k *nodes.Kind) *cobra.Command {
	var s serving
	cmd := &cobra.Command{
		Use:   k.Name,
		Short: k.Doc,
		Long:  k.Doc + settings(k),
		Args:  takes(0, 0),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if cmd.Flags().Changed("node") {
				if err := s.be(k, cmd.Flags().Changed("name")); err != nil {
					return err
				}
			}
			return c.serve(cmd.Context(), k, s)
		},
	}
	f := cmd.Flags()
	f.StringVar(&s.listen, "listen", "", "accept on `ADDRESS`, such as 127.0.0.1:4730")
	f.StringVar(&s.data, "data", "", "use `DIR` as the node's disk")
	f.StringVar(&s.name, "name", k.Name, "call the node `NAME`")
	f.StringVar(&s.advertise, "advertise", "", "tell clients this `ADDRESS`")
	f.IntVar(&s.node, "node", 0, "be the `N`th of --peers: this sets --name, servers and peer-listen, each unless it is set")
	f.StringArrayVar(&s.peers, "peers", nil, "find another node by `NAME=HOST:PORT`; may be repeated, or separated by commas")
	f.StringArrayVar(&s.set, "set", nil, "set `KEY=VALUE` of the configuration; may be repeated")
	f.BoolVar(&s.verbose, "verbose", false, "log more")
	return cmd
}

func (c *call) serve(ctx context.Context, k *nodes.Kind, s serving) error {
	peers, err := s.addresses()
	if err != nil {
		return err
	}
	config, err := configOf(k, s.set, s.listen, s.advertise)
	if err != nil {
		return err
	}
	untuneMemory()
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
		if errors.Is(err, osenv.ErrNoDataDir) {
			c.warn("say --data DIR")
		}
		if lock := (*fs.PathError)(nil); errors.As(err, &lock) && lock.Op == "lock" {
			c.warn("is another one running on %s?", s.data)
		}
		return nil
	}
	log.Info("stopped", "name", s.name)
	return nil
}

// be has the node be one of its peers. The others are the servers of its cluster; names with a port are of others.
func (s *serving) be(k *nodes.Kind, named bool) error {
	var servers []string
	where := map[string]string{}
	for _, list := range s.peers {
		for pair := range strings.SplitSeq(list, ",") {
			if name, address, _ := strings.Cut(pair, "="); !strings.Contains(name, ":") {
				servers = append(servers, name)
				where[name] = address
			}
		}
	}
	if s.node < 1 || s.node > len(servers) {
		return fmt.Errorf("--node %d: --peers names %d servers", s.node, len(servers))
	}
	if !named {
		s.name = servers[s.node-1]
	}
	said := map[string]string{"servers": "[" + strings.Join(servers, ",") + "]", "peer-listen": where[s.name]}
	for _, key := range []string{"servers", "peer-listen"} {
		if k.Config == nil || !slices.ContainsFunc(decode.Describe(k.Config()), func(d decode.Description) bool { return d.Key == key }) {
			return fmt.Errorf("--node: %s has no %s; say --name and --set", k.Name, key)
		}
		if said[key] != "" && !slices.ContainsFunc(s.set, func(pair string) bool { return strings.HasPrefix(pair, key+"=") }) {
			s.set = append(s.set, key+"="+said[key])
		}
	}
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
