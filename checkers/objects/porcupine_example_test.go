package objects_test

import (
	"fmt"

	"github.com/anishathalye/porcupine"

	"simrun/checkers/objects"
)

// A model that was written for porcupine is taken as it is.
func ExamplePorcupine() {
	lock := porcupine.Model{
		Init: func() any { return false },
		Step: func(held, input, output any) (bool, any) { return held == (input == "unlock"), input == "lock" },
	}
	twice := []porcupine.Operation{{ClientId: 0, Input: "lock", Call: 0, Return: 10}, {ClientId: 1, Input: "lock", Call: 20, Return: 30}}
	fmt.Println(objects.Porcupine(lock, twice[:1], objects.Options{}), objects.Porcupine(lock, twice, objects.Options{}))
	// Output:
	// holds violated
}
