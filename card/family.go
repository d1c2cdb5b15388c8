package card

import "bytes"

// Family is a chip family, found by the historical bytes of the ATR. It is a name
// to show and sets the order of attempts. It is never a reason to refuse a card:
// new families appear every year.
type Family string

// The families seen in the field.
const (
	FamilyNXP     Family = "NXP"
	FamilyGemalto Family = "Gemalto"
	FamilySTM     Family = "STM"
	FamilyActalis Family = "Actalis"
	FamilyBit4id  Family = "Bit4id"
	FamilyUnknown Family = "unknown"
)

// String returns the name of the family, "unknown" for none.
func (f Family) String() string {
	if f == "" {
		return string(FamilyUnknown)
	}
	return string(f)
}

// familyMarks are pieces of historical bytes seen in the field.
var familyMarks = []struct {
	mark   []byte
	family Family
}{
	{[]byte{0x80, 0x31, 0x80, 0x65, 0x49, 0x54, 0x4E, 0x58, 0x50}, FamilyNXP},
	{[]byte{0x80, 0x31, 0x80, 0x65, 0xB0, 0x85, 0x04, 0x00, 0x11}, FamilyGemalto},
	{[]byte{0x80, 0x31, 0x80, 0x65, 0xB0, 0x85, 0x03, 0x00, 0xEF}, FamilyGemalto},
	{[]byte{0x80, 0x66, 0x47, 0x50, 0x00, 0xB8, 0x00, 0x7F}, FamilySTM},
	{[]byte{0x80, 0x66, 0x47, 0x50, 0x00, 0xB8, 0x00, 0x94}, FamilySTM},
	{[]byte{0x80, 0x31, 0x80, 0x65, 0x49, 0x54, 0x4A, 0x34, 0x41}, FamilyActalis},
	{[]byte{0x80, 0x31, 0x80, 0x65, 0x49, 0x54, 0x4A, 0x34, 0x43}, FamilyActalis},
	{[]byte{0x80, 0x31, 0x80, 0x65, 0x49, 0x54, 0x4A, 0x34, 0x4C}, FamilyActalis},
	{[]byte{0x80, 0x31, 0x80, 0x65, 0x49, 0x54, 0x4A, 0x34, 0x42}, FamilyBit4id},
	{[]byte{0x80, 0x31, 0x80, 0x65, 0x49, 0x54, 0x4A, 0x34, 0x44}, FamilyBit4id},
	{[]byte{0x80, 0x31, 0x80, 0x65, 0x49, 0x54, 0x4A, 0x34, 0x49}, FamilyBit4id},
}

// FamilyOf returns the family that an ATR (2 to 33 bytes) shows.
func FamilyOf(atr []byte) Family {
	for _, m := range familyMarks {
		if bytes.Contains(atr, m.mark) {
			return m.family
		}
	}
	return FamilyUnknown
}

// rootOrder returns the order in which the ways to the root are tried, that of the
// clients in the field. On STM chips the MF can be that of another application.
// For an unknown ATR it is the order of the phones: AID first.
func (f Family) rootOrder() [2]selectRoot {
	switch f {
	case FamilyNXP, FamilyActalis, FamilyBit4id:
		return [2]selectRoot{rootMF, rootAID}
	}
	return [2]selectRoot{rootAID, rootMF}
}

// dhTogether reports whether the family returns the three Diffie-Hellman
// values in one answer (IAS ECC 9.8.1 requires one by one).
func (f Family) dhTogether() bool { return f == FamilyGemalto }
