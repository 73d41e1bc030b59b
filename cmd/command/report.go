package command

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"runtime"
	"time"

	"github.com/spf13/cobra"

	"simrun/reports"
	"simrun/reports/browse"
)

// nearby is where --serve listens unless it is told otherwise.
const nearby = "127.0.0.1:8177"

func (c *call) reportCommand() *cobra.Command {
	serve, listen, show := false, nearby, false
	cmd := &cobra.Command{
		Use:   "report [RUN]",
		Short: "List runs, show the report of one, or browse all of them",
		Long: `Report prints the path of a run's page, and makes the page if there is none yet: it runs the same run
again for that. With --open a browser opens it. Without a RUN it lists what is kept. With --serve it shows
everything that is kept to browsers on this machine, and to nobody else, and writes nothing.

A RUN is SCENARIO@SEED, a plan.yaml, the directory of a run or of a sweep, or last.`,
		Example: c.example(`  simrun report                what is kept
  simrun report last           the path of the newest page
  simrun report last --open    the same, in a browser
  simrun report --serve        all of them, on ` + nearby),
		Args: takes(0, 1),
		RunE: func(_ *cobra.Command, args []string) error {
			switch {
			case serve && len(args) > 0:
				return errors.New("--serve shows all that is kept: leave out the run")
			case serve:
				return c.browse(listen)
			case len(args) == 0:
				return c.list()
			}
			return c.report(args[0], show)
		},
	}
	f := cmd.Flags()
	f.BoolVar(&serve, "serve", false, "show everything that is kept to browsers on this machine")
	f.StringVar(&listen, "listen", nearby, "with --serve, listen at this `ADDRESS` of the machine itself")
	f.BoolVar(&show, "open", false, "open the page in a browser")
	c.setFlag(f)
	c.outFlag(f)
	return cmd
}

// list prints what is kept, the newest first.
func (c *call) list() error {
	runs, err := c.shelf().List()
	if err != nil {
		return err
	}
	return c.terminal().Listing(runs, c.out)
}

// report prints the paths of a run's pages, or of a sweep's.
func (c *call) report(name string, show bool) error {
	if file := filepath.Join(name, reports.ReportFile); exists(file) {
		return c.point(file, show)
	}
	if exists(filepath.Join(name, reports.TermsFile)) {
		return fmt.Errorf("%s has no %s: the sweep was interrupted; %s resume %s goes on", name, reports.ReportFile, c.Name, quote(name))
	}
	pasts, err := c.find(name)
	if err != nil {
		return err
	}
	for _, p := range pasts {
		file := filepath.Join(p.dir, reports.ReportFile)
		if p.dir == "" || !exists(file) {
			if err := c.prepareShelf(); err != nil {
				return err
			}
			if file, err = c.make(p); err != nil {
				return err
			}
		}
		if err := c.point(file, show); err != nil {
			return err
		}
	}
	return nil
}

// make runs a run again for its page.
func (c *call) make(p past) (string, error) {
	run := p.plan.Run(c.recorded())
	run.Result.Commit = commit()
	note := ""
	if p.result != nil {
		if run.CompareHash(p.result); run.Result.Divergence == nil {
			note = "as recorded"
		}
	}
	c.verdict(run.Result.Judge())
	kept := c.keep(p.scenario, run, note)
	if kept.Report == "" {
		return "", errors.New("there is no page of it")
	}
	return kept.Report, nil
}

func exists(file string) bool {
	_, err := os.Stat(file)
	return err == nil
}

// point prints the path of a page, and opens it.
func (c *call) point(file string, show bool) error {
	fmt.Fprintln(c.Out, file)
	if !show {
		return nil
	}
	opener, args := "xdg-open", []string{file}
	switch runtime.GOOS {
	case "darwin":
		opener = "open"
	case "windows":
		opener, args = "rundll32", []string{"url.dll,FileProtocolHandler", file}
	}
	if err := exec.Command(opener, args...).Start(); err != nil {
		return fmt.Errorf("cannot open a browser: %w", err)
	}
	return nil
}

// browse serves what is kept until it is interrupted.
func (c *call) browse(listen string) error {
	handler, err := browse.Handler(c.out)
	if err != nil {
		return err
	}
	defer handler.Close()
	l, err := browse.Listen(listen)
	if err != nil {
		return err
	}
	server := &http.Server{Handler: handler, ReadHeaderTimeout: 5 * time.Second, IdleTimeout: time.Minute, MaxHeaderBytes: 1 << 16}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	context.AfterFunc(ctx, func() { _ = server.Close() })
	fmt.Fprintf(c.Out, "http://%s/\n", l.Addr().(*net.TCPAddr))
	if err := server.Serve(l); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}
