package txn_test

import (
	"fmt"

	"simrun/checkers/linear"
	"simrun/checkers/txn"
	"simrun/nodes/history"
)

// Two transactions each read the list that the other appends to: write skew, which snapshots allow and serializability does not.
func ExampleFind() {
	const duty, rota = 1, 2
	txns := []txn.Txn{
		{Span: linear.Span{ID: 17, Client: 1, Outcome: history.Ok, Call: 0, Return: 9}, Steps: []txn.Step{txn.Read(duty), txn.Append(rota, 1)}},
		{Span: linear.Span{ID: 18, Client: 2, Outcome: history.Ok, Call: 1, Return: 8}, Steps: []txn.Step{txn.Read(rota), txn.Append(duty, 2)}},
	}
	for _, level := range []txn.Level{txn.SnapshotIsolation, txn.Serializable} {
		found, err := txn.Find(txns, txn.Options{Level: level})
		fmt.Println(level, len(found), err)
		for _, anomaly := range found {
			fmt.Println(anomaly.Kind, anomaly.Witness)
			fmt.Println(anomaly.Reason)
		}
	}
	// Output:
	// snapshot-isolation 0 <nil>
	// serializable 1 <nil>
	// G2-item [17 18]
	// 2 transactions each come before the next in a circle: 17 -rw-> 18 -rw-> 17
}
