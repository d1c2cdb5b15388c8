package cardtest

import (
	"encoding/hex"
	"fmt"
)

// Family is a kind of chip. Families differ in the ATR and in two habits:
// whether the IAS application can be selected by name, and whether GET DATA
// returns the Diffie-Hellman parameters one by one or all at once.
type Family int

// The families seen in the field, and one that has not been seen.
const (
	NXP      Family = iota // NXP, historical bytes "ITNXP"
	Gemalto                // Gemalto, ATR shared with the Dutch driving licence
	Gemalto2               // Gemalto, second ATR
	STM                    // ST Microelectronics
	STM2                   // ST Microelectronics, second ATR
	Bare                   // an ATR with no historical bytes at all
	Actalis1               // ITJ4x, Actalis, 41
	Actalis2               // ITJ4x, Actalis, 43
	Actalis3               // ITJ4x, Actalis, 4C
	Bit4id1                // ITJ4x, Bit4id, 42
	Bit4id2                // ITJ4x, Bit4id, 44
	Bit4id3                // ITJ4x, Bit4id, 49
	Zero                   // historical bytes all zero
	Unknown                // a chip that will be made next year
	families               // their number
)

type familyTraits struct {
	name       string
	historical string // hex
	iasByName  bool   // SELECT by name of the IAS application works
	dhAtOnce   bool   // GET DATA of K_DH: all parameters with A3 80, no single one
}

// tail is the status indicator and the card capabilities of the ATRs that have
// them, as in the field.
const tail = "120fff829000"

var traits = [families]familyTraits{
	NXP: {name: "NXP", historical: "8031806549544e5850120fff8290"},
	Gemalto: {name: "Gemalto", historical: "80318065b085040011" + tail,
		iasByName: true, dhAtOnce: true},
	Gemalto2: {name: "Gemalto-2", historical: "80318065b0850300ef" + tail,
		iasByName: true, dhAtOnce: true},
	STM:      {name: "STM", historical: "8066475000b8007f829000", iasByName: true},
	STM2:     {name: "STM-2", historical: "8066475000b80094829000", iasByName: true},
	Bare:     {name: "bare", historical: ""},
	Actalis1: {name: "Actalis-41", historical: "8031806549544a3441" + tail},
	Actalis2: {name: "Actalis-43", historical: "8031806549544a3443" + tail},
	Actalis3: {name: "Actalis-4C", historical: "8031806549544a344c" + tail},
	Bit4id1:  {name: "Bit4id-42", historical: "8031806549544a3442" + tail},
	Bit4id2:  {name: "Bit4id-44", historical: "8031806549544a3444" + tail},
	Bit4id3:  {name: "Bit4id-49", historical: "8031806549544a3449" + tail},
	Zero:     {name: "zero", historical: "0000000000000000"},
	Unknown:  {name: "unknown", historical: "8031806554455354" + "30" + tail, iasByName: true},
}

// String returns the short name of the family, which [ParseFamily] accepts.
func (f Family) String() string {
	if f < 0 || f >= families {
		return fmt.Sprintf("Family(%d)", int(f))
	}
	return traits[f].name
}

// Families lists every family.
func Families() []Family {
	all := make([]Family, families)
	for i := range all {
		all[i] = Family(i)
	}
	return all
}

// ParseFamily parses the result of [Family.String].
func ParseFamily(name string) (Family, error) {
	for f := range families {
		if traits[f].name == name {
			return f, nil
		}
	}
	return 0, fmt.Errorf("no chip family %q", name)
}

// atr builds the answer to reset as a PC/SC reader makes it for a contactless
// card: no interface bytes but TD1 and TD2, historical bytes, check byte.
func (f Family) atr() []byte {
	historical, err := hex.DecodeString(traits[f].historical)
	if err != nil {
		panic(err) // a constant of this file
	}
	atr := append([]byte{0x3B, 0x80 | byte(len(historical)), 0x80, 0x01}, historical...)
	var tck byte
	for _, b := range atr[1:] {
		tck ^= b
	}
	return append(atr, tck)
}
