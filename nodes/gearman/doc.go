// Package gearman answers who does which job: a job server that speaks the Gearman protocol, its
// workers and its clients, written against nodes.Env.
//
// The server keeps background jobs in a journal, so that a job whose JOB_CREATED has left is not lost; its
// promises, its limits and its differences from gearmand stand in docs/gearman.md.
package gearman
