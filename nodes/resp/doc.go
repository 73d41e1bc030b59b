// Package resp answers how key-value servers and their clients talk: the second version of the Redis
// serialization protocol (https://redis.io/docs/latest/develop/reference/protocol-spec/), as bytes.
//
// A Reader takes requests from a stream, arrays of bulk strings and inline commands, or replies; the Append
// functions write both. Whatever a peer sends takes memory by what has come, never by what it claims, and no
// more than Limits. What it may not send is a *ProtocolError, worded as Redis words it; nothing after that can be
// read.
package resp
