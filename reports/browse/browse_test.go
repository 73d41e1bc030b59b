package browse

import (
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"simrun/reports"
	"simrun/scenarios"
)

// shelf is one with a run, and with a secret beside it.
func shelf(t *testing.T) (folder string, s *Server) {
	t.Helper()
	folder = filepath.Join(t.TempDir(), "runs")
	dir, err := reports.Shelf{Root: folder}.Keep(&scenarios.Result{Version: 1, Scenario: "storm", Seed: "07", Verdict: scenarios.Violated, Sometimes: map[string]int{},
		Claims: []scenarios.ClaimResult{{Claim: "c", Verdict: scenarios.Violated, Expect: scenarios.Holds}}},
		reports.Text(reports.ReportFile, "<h1>page</h1>"), reports.Text(reports.PlanFile, "scenario: storm\n"))
	require.NoError(t, err)
	secret := filepath.Join(filepath.Dir(folder), "secret")
	require.NoError(t, os.WriteFile(secret, []byte("secret"), 0o600))
	require.NoError(t, os.Symlink(secret, filepath.Join(dir, "out")))
	s, err = Handler(folder)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, s.Close()) })
	return folder, s
}

func ask(s *Server, method, path, host string) *httptest.ResponseRecorder {
	w := httptest.NewRecorder()
	r := httptest.NewRequest(method, "http://"+host+"/", nil)
	r.URL.Path = path
	s.ServeHTTP(w, r)
	return w
}

func TestRunsAreListedAndShown(t *testing.T) {
	_, s := shelf(t)
	list := ask(s, "GET", "/", "127.0.0.1:8177")
	require.Equal(t, http.StatusOK, list.Code)
	require.Contains(t, list.Body.String(), `href="/storm/07/report.html"`)
	require.Contains(t, list.Body.String(), "✗ violated")

	page := ask(s, "GET", "/storm/07/report.html", "localhost:8177")
	require.Equal(t, "<h1>page</h1>", page.Body.String())
	require.Equal(t, "text/html; charset=utf-8", page.Header().Get("Content-Type"))
	require.Contains(t, page.Header().Get("Content-Security-Policy"), "default-src 'none'")
	require.Contains(t, ask(s, "GET", "/storm/07/", "[::1]:1").Body.String(), `href="plan.yaml"`)
	require.Equal(t, "text/plain; charset=utf-8", ask(s, "GET", "/storm/07/plan.yaml", "127.0.0.1").Header().Get("Content-Type"))
	require.Equal(t, "/storm/07/", ask(s, "GET", "/storm/07", "127.0.0.1").Header().Get("Location"))
}

// If this failed, a page on some site could read what is kept here, or write it, or what lies beside it.
func TestNothingElseIsShownAndNothingIsWritten(t *testing.T) {
	folder, s := shelf(t)
	for _, path := range []string{"/../secret", "/storm/../../secret", "/storm/07/out", "//etc/passwd", "/storm/07/..%2f..%2f..%2fsecret", "/storm\\..\\..\\secret", "/nothing",
		"/storm/07/\x00", "/./../../secret"} {
		w := ask(s, "GET", path, "127.0.0.1")
		require.NotEqual(t, "secret", w.Body.String(), path)
		require.NotEqual(t, http.StatusOK, w.Code, path)
	}
	for _, method := range []string{"POST", "PUT", "DELETE", "PATCH", "OPTIONS"} {
		require.Equal(t, http.StatusMethodNotAllowed, ask(s, method, "/storm/07/plan.yaml", "127.0.0.1").Code)
	}
	require.Equal(t, http.StatusForbidden, ask(s, "GET", "/", "evil.example").Code, "a name that leads here")
	require.Equal(t, http.StatusForbidden, ask(s, "GET", "/", "10.0.0.1").Code)
	text, err := os.ReadFile(filepath.Join(folder, "storm", "07", "plan.yaml"))
	require.NoError(t, err)
	require.Equal(t, "scenario: storm\n", string(text))
}

// If this failed, others on the net could see what a system under test was given.
func TestOnlyTheMachineItselfIsListenedOn(t *testing.T) {
	for _, address := range []string{"0.0.0.0:0", ":0", "10.0.0.1:0", "example.org:0", "[::]:0", "nonsense"} {
		_, err := Listen(address)
		require.Error(t, err, address)
	}
	l, err := Listen("127.0.0.1:0")
	require.NoError(t, err)
	require.NoError(t, l.Close())
	_, err = Handler(filepath.Join(t.TempDir(), "nothing"))
	require.Error(t, err)
}
