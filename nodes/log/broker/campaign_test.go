//go:build campaign

package broker_test

func init() { storms = 200 }
