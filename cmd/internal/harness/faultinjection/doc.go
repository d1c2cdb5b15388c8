// Package faultinjection holds the trial by faults: each operation of a PIN's life is
// done on a virtual card again and again, with a fault at its first command, at
// its second, and so on to the last, and every outcome is judged. The judgement
// is the same whether the card lies in this process or in the reader of a real
// PC/SC service.
package faultinjection
