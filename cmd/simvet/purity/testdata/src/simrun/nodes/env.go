// Package nodes stands in for the real one.
package nodes

type Env interface {
	Go(name string, f func())
}
