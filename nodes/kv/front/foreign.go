package front

import (
	"strings"

	"simrun/nodes/resp"
)

// lastWords are answers to what there is not, after which nothing more is taken on the connection. What is sent behind a MULTI
// is to be done together or not at all, and would be done one by one; behind the head of a web request comes what somebody had a
// browser say.
var lastWords = map[string]string{
	"MULTI": "ERR there are no transactions, and nothing that was sent with this one is done: the connection is closed",
	"POST":  "ERR this is no web server: the connection is closed",
	"HOST:": "ERR this is no web server: the connection is closed",
}

// lastWord is the last answer on a connection that says this; empty if it goes on.
func lastWord(name []byte) string {
	if len(name) > len("MULTI") {
		return ""
	}
	return lastWords[strings.ToUpper(string(name))]
}

// helps are the subcommands of those commands that have some, as HELP tells of them.
var helps = map[string][]string{
	"CLIENT":  {"GETNAME", "ID", "INFO", "LIST", "NO-EVICT (ON|OFF)", "NO-TOUCH (ON|OFF)", "SETINFO (LIB-NAME name|LIB-VER version)", "SETNAME name"},
	"COMMAND": {"(no subcommand)", "COUNT", "DOCS", "INFO [name ...]", "LIST"},
	"CONFIG":  {"GET pattern [pattern ...]"},
}

// help answers a command's HELP.
func help(command string) []byte {
	lines := append([]string{command + " <subcommand> [<arg> ...]. Subcommands are:"}, helps[command]...)
	out := resp.AppendArray(nil, len(lines))
	for _, line := range lines {
		out = resp.AppendSimple(out, line)
	}
	return out
}
