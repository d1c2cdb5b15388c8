// Package faultinjection performs what users do on a virtual card, while something goes
// wrong at one command after the other, once in each run, and checks every outcome: no
// operation hangs, no code is compared twice, tries are those that a model predicts, the
// program reports correctly what happened, no file is left half written, and the card
// works when the cause is gone. It performs the operation once without faults first. The
// checks are the same for a card in this process and for one in the reader of a real
// PC/SC service.
package faultinjection
