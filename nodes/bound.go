package nodes

import "fmt"

// AtLeast says what is wrong with a number of a configuration, under its key, that is less than this.
func AtLeast[N ~int | ~int64](key string, value, least N) error {
	if value < least {
		return fmt.Errorf("%s: %v is less than %v", key, value, least)
	}
	return nil
}

// Between says what is wrong with one that is less than least, or more than most.
func Between[N ~int | ~int64](key string, value, least, most N) error {
	if value < least || value > most {
		return fmt.Errorf("%s: %v is not between %v and %v", key, value, least, most)
	}
	return nil
}
