// Package faultinjection injects a fault at every command of each PIN operation on
// a virtual card, one fault for each run, and checks every outcome. It runs the
// operation once without faults first. The checks are the same for a card in this
// process and for one in the reader of a real PC/SC service.
package faultinjection
