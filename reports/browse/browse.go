// Package browse answers how a person looks through all runs that are kept, in a browser: pages of lists, and the files of each
// run as they are. It serves this machine alone, reads only below the shelf, and writes nothing.
package browse

import (
	"errors"
	"fmt"
	"html/template"
	"io/fs"
	"mime"
	"net"
	"net/http"
	"net/netip"
	"os"
	"path"
	"strings"

	"simrun/reports"
)

// Listen listens on an address of the machine itself. Others are refused: what is kept may hold anything that a system under
// test was given.
func Listen(address string) (net.Listener, error) {
	host, _, err := net.SplitHostPort(address)
	if err != nil {
		return nil, err
	}
	if ip, err := netip.ParseAddr(host); host != "localhost" && (err != nil || !ip.IsLoopback()) {
		return nil, fmt.Errorf("%s is no address of this machine alone: say 127.0.0.1 or [::1]", address)
	}
	l, err := net.Listen("tcp", address)
	if err != nil {
		return nil, err
	}
	if tcp, ok := l.Addr().(*net.TCPAddr); !ok || !tcp.IP.IsLoopback() {
		return nil, errors.Join(fmt.Errorf("%s leads to %s, which is no address of this machine alone", address, l.Addr()), l.Close())
	}
	return l, nil
}

// Server shows a shelf.
type Server struct {
	shelf reports.Shelf
	root  *os.Root
}

// Handler shows the shelf of that folder. It has to be closed.
func Handler(folder string) (*Server, error) {
	root, err := os.OpenRoot(folder)
	if err != nil {
		return nil, err
	}
	return &Server{reports.Shelf{Root: folder}, root}, nil
}

// Close ends it.
func (s *Server) Close() error { return s.root.Close() }

// types are those of the files that runs leave; anything else is shown as text.
var types = map[string]string{".html": "text/html; charset=utf-8", ".json": "application/json", ".xml": "text/xml; charset=utf-8"}

// ServeHTTP implements http.Handler. It refuses requests for another host's name, lest a page elsewhere has a browser read
// this, and does nothing but show.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("Cache-Control", "no-cache")
	h.Set("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'")
	switch {
	case !local(r.Host):
		http.Error(w, "this serves the machine itself", http.StatusForbidden)
	case r.Method != http.MethodGet && r.Method != http.MethodHead:
		h.Set("Allow", "GET, HEAD")
		http.Error(w, "this only shows", http.StatusMethodNotAllowed)
	case r.URL.Path == "/":
		s.list(w)
	default:
		s.file(w, r)
	}
}

// local says whether a name is one of the machine itself.
func local(host string) bool {
	if name, _, err := net.SplitHostPort(host); err == nil {
		host = name
	}
	host = strings.Trim(host, "[]")
	ip, err := netip.ParseAddr(host)
	return host == "localhost" || err == nil && ip.IsLoopback()
}

// file shows a file below the shelf, or what is in a folder. No link leads out of the shelf.
func (s *Server) file(w http.ResponseWriter, r *http.Request) {
	name := strings.TrimPrefix(path.Clean(r.URL.Path), "/")
	if !fs.ValidPath(name) || strings.Contains(name, "\\") {
		http.NotFound(w, r)
		return
	}
	f, err := s.root.Open(name)
	if err != nil {
		http.NotFound(w, r)
		return
	}
	defer f.Close()
	info, err := f.Stat()
	switch {
	case err != nil:
		http.NotFound(w, r)
	case info.IsDir() && !strings.HasSuffix(r.URL.Path, "/"):
		http.Redirect(w, r, "/"+name+"/", http.StatusMovedPermanently)
	case info.IsDir():
		s.folder(w, f, name)
	case !info.Mode().IsRegular():
		http.NotFound(w, r)
	default:
		kind := types[path.Ext(name)]
		if kind == "" {
			kind = mime.FormatMediaType("text/plain", map[string]string{"charset": "utf-8"})
		}
		w.Header().Set("Content-Type", kind)
		http.ServeContent(w, r, "", info.ModTime(), f)
	}
}

var pages = template.Must(template.New("browse").Parse(`<!doctype html><html lang="en"><meta charset="utf-8"><meta name="color-scheme" content="light dark"><title>{{.Title}}</title>
<style>body{font:14px/1.5 system-ui,sans-serif;max-width:1100px;margin:28px auto;padding:0 20px}table{border-collapse:collapse;width:100%}td,th{text-align:left;padding:4px 14px 4px 0;border-top:1px solid #8884}td{font-family:ui-monospace,Menlo,Consolas,monospace;font-size:12.5px}.v{color:#c0261c}@media(prefers-color-scheme:dark){.v{color:#ff7b6e}a{color:#6cb2f5}}</style>
<h1>{{.Title}}</h1>
{{if .Runs}}<table><thead><tr><th>verdict</th><th>run</th><th>page</th><th>all files</th></tr></thead><tbody>
{{range .Runs}}<tr><td{{if .Bad}} class="v"{{end}}>{{.Sign}} {{.Verdict}}</td><td>{{.Name}}</td><td>{{if .HasPage}}<a href="/{{.Path}}/report.html">report</a>{{end}}</td><td><a href="/{{.Path}}/">files</a></td></tr>
{{end}}</tbody></table>{{end}}
{{with .Names}}<ul>{{range .}}<li><a href="{{.}}">{{.}}</a></li>
{{end}}</ul>{{end}}
{{if not (or .Runs .Names)}}<p>Nothing is kept here.</p>{{end}}
{{with .More}}<p>{{.}}</p>{{end}}</html>
`))

// listing is a page of links.
type listing struct {
	Title string
	Runs  []reports.Listed
	Names []string
	More  string
}

// mostListed bounds a page of links.
const mostListed = 2000

func (s *Server) list(w http.ResponseWriter) {
	runs, err := s.shelf.List()
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	l := listing{Title: "Runs", Runs: runs}
	if n := len(runs); n > mostListed {
		l.Runs, l.More = runs[:mostListed], fmt.Sprintf("%d of %d", mostListed, n)
	}
	show(w, &l)
}

func (s *Server) folder(w http.ResponseWriter, f *os.File, name string) {
	entries, err := f.ReadDir(mostListed)
	if err != nil && len(entries) == 0 && !strings.Contains(err.Error(), "EOF") {
		http.Error(w, "this cannot be read", http.StatusInternalServerError)
		return
	}
	l := listing{Title: name}
	for _, e := range entries {
		text := e.Name()
		if e.IsDir() {
			text += "/"
		}
		l.Names = append(l.Names, text)
	}
	show(w, &l)
}

func show(w http.ResponseWriter, l *listing) {
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	_ = pages.Execute(w, l) // who asked is gone
}
