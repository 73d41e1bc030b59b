package purity

import "strings"

// rule is what node code may name of a package that reaches outside of its host. Constants are free.
//
// Words are names; a star ends a prefix. With may, nothing else is permitted; with mayNot, all else is.
type rule struct {
	may, mayNot string
	instead     string            // what to use
	of          map[string]string // what to use instead of one name
}

func (r rule) permits(name string) bool {
	if r.mayNot != "" {
		return !named(name, r.mayNot)
	}
	return named(name, r.may)
}

func (r rule) advice(name string) string {
	if instead, ok := r.of[name]; ok {
		return instead
	}
	return r.instead
}

func named(name, words string) bool {
	for word := range strings.FieldsSeq(words) {
		prefix, star := strings.CutSuffix(word, "*")
		if word == name || star && strings.HasPrefix(name, prefix) {
			return true
		}
	}
	return false
}

const (
	aFile    = "use env.FS"
	aSocket  = "use env.Dial, env.Listen or env.ListenPacket"
	aTask    = "use env.Go, and Cancel of the task it returns"
	aLog     = "use env.Log"
	aRandom  = "use env.Rand"
	aTimer   = "use env.AfterFunc"
	aTicker  = "use a loop around env.Sleep"
	aPassing = "use env.Mark, and Sub of what it returns"
)

var rules = map[string]rule{
	"time": {
		may: "Duration Time Month Weekday Location ParseError Unix* Date UTC FixedZone Parse ParseDuration ParseInLocation",
		of: map[string]string{
			"Now": "use env.Now for the wall clock, env.Mark for how long something took", "Since": aPassing, "Until": aPassing,
			"Sleep": "use env.Sleep", "After": "use env.Sleep or Cond.WaitFor", "AfterFunc": aTimer, "NewTimer": aTimer, "Timer": aTimer,
			"Tick": aTicker, "NewTicker": aTicker, "Ticker": aTicker,
		},
		instead: "it differs between machines; use time.UTC",
	},
	"os": {
		may: "Err* FileMode FileInfo DirEntry PathError LinkError SyscallError IsExist IsNotExist IsPermission IsTimeout",
		of: map[string]string{
			"Exit": "use env.Exit", "Hostname": "use env.Host", "Getpid": "use env.Host",
			"Stdout": aLog, "Stderr": aLog, "Stdin": "use env.Next or a connection",
			"Getenv": "use the node's Config", "LookupEnv": "use the node's Config", "Environ": "use the node's Config", "Args": "use the node's Config",
		},
		instead: aFile,
	},
	"syscall": {may: "E* Errno", instead: "use what nodes.Env offers"},
	"net": {
		may: "Conn Listener PacketConn Addr Error OpError AddrError ParseError DNSError InvalidAddrError UnknownNetworkError Err* " +
			"SplitHostPort JoinHostPort KeepAliveConfig IP IPMask IPNet IPv4* IPv6* ParseIP ParseCIDR ParseMAC CIDRMask HardwareAddr TCPAddr UDPAddr",
		of:      map[string]string{"Pipe": noChannel, "Interfaces": "use env.Host", "InterfaceAddrs": "use env.Host"},
		instead: aSocket,
	},
	"net/http": {
		may: "CanonicalHeaderKey ConnState Cookie DetectContentType Err* Header NewRequest NoBody Parse* ReadRequest ReadResponse Request " +
			"Response StatusText",
		instead: "its clients and servers dial, listen and say go by themselves; use env.Dial or env.Listen with http.ReadRequest or http.ReadResponse",
	},
	"math/rand":     {may: "New NewSource NewZipf Rand Source Source64 Zipf", instead: aRandom},
	"math/rand/v2":  {may: "New NewPCG NewChaCha8 NewZipf Rand Source PCG ChaCha8 Zipf", instead: aRandom},
	"path/filepath": {mayNot: "Abs EvalSymlinks Glob Walk WalkDir", instead: aFile},
	"fmt": {mayNot: "Print Printf Println Scan Scanf Scanln", instead: aLog,
		of: map[string]string{"Scan": "use env.Next or a connection", "Scanf": "use env.Next or a connection", "Scanln": "use env.Next or a connection"}},
	"io": {mayNot: "Pipe", instead: noChannel},
	"log/slog": {
		may: "Logger Attr Value Level* Kind* Any* Bool* Duration* Float64* Group* Int* String* Time* Uint64* LogValuer Handler HandlerOptions " +
			"Record New DiscardHandler",
		instead: aLog,
	},
	"context": {may: "Background Canceled Context", instead: aTask},
}

// banned are packages that node code has no use for, and what it uses instead.
var banned = map[string]string{
	"sync":          "tasks of a node take turns, and need no lock; use env.NewCond to wait",
	"sync/atomic":   "tasks of a node take turns; use a plain variable",
	"crypto/rand":   aRandom,
	"os/exec":       "a process is a node; start it in the scenario",
	"os/signal":     "use env.AwaitStop",
	"os/user":       "use the node's Config",
	"io/ioutil":     aFile,
	"log":           aLog,
	"runtime":       "what it knows differs from run to run; tasks give way in blocking calls of Env only",
	"runtime/debug": "what it knows differs from run to run",
	"hash/maphash":  "its seed differs from run to run; use hash/fnv",
	"unsafe":        "addresses differ from run to run",
	"unique":        "what it shares outlives a host; use the values themselves",
	"weak":          "the garbage collector decides what it returns",
	"plugin":        "a node is linked into its command",
	"testing":       "it belongs in tests",
}

// methods are those that reach outside although their type does not.
var methods = map[string]string{
	"(time.Time).Local": "it differs between machines; use UTC",
}
