package keystore

import (
	"errors"
	"slices"
	"testing"
)

// fakePlaces keeps entries in memory.
type fakePlaces struct {
	my, part  []Entry
	joined    bool
	cannot    error // of JoinPart
	readsPart bool  // programs find what is in the part
}

func (f *fakePlaces) JoinPart() error {
	f.joined = f.cannot == nil
	return f.cannot
}

func (f *fakePlaces) DropPart() error {
	f.joined, f.part = false, nil
	return nil
}

func (f *fakePlaces) PutPart(e Entry) error { f.part = added(f.part, e); return nil }
func (f *fakePlaces) PutMy(e Entry) error   { f.my = added(f.my, e); return nil }

func (f *fakePlaces) RemoveMy(e Entry) error {
	f.my = slices.DeleteFunc(f.my, func(old Entry) bool {
		return old.Container == e.Container || string(old.Certificate) == string(e.Certificate)
	})
	return nil
}

func (f *fakePlaces) List() ([]Entry, error) {
	if f.joined && f.readsPart {
		return slices.Concat(f.my, f.part), nil
	}
	return f.my, nil
}

// added returns a list in which e is the one entry of its container.
func added(list []Entry, e Entry) []Entry {
	return append(slices.DeleteFunc(slices.Clone(list), func(old Entry) bool { return old.Container == e.Container }), e)
}

func entry(container, certificate string) Entry { return Entry{container, []byte(certificate)} }

// wantEntries expects entries in My itself, and in the part.
func (f *fakePlaces) wantEntries(t *testing.T, my, part []Entry) {
	t.Helper()
	if !slices.EqualFunc(f.my, my, Entry.equal) || !slices.EqualFunc(f.part, part, Entry.equal) || f.joined != (part != nil) {
		t.Errorf("in My %q, in the part %q, joined %v; want %q and %q", f.my, f.part, f.joined, my, part)
	}
}

func TestPutListsInThePartThatFirefoxDoesNotRead(t *testing.T) {
	other, old, renewed := entry("other", "of another program"), entry("card", "old"), entry("card", "renewed")
	f := &fakePlaces{readsPart: true, my: []Entry{other, old}}
	for range 2 {
		if err := put(f, old); err != nil {
			t.Fatal(err)
		}
		f.wantEntries(t, []Entry{other}, []Entry{old})
	}
	if err := put(f, renewed); err != nil {
		t.Fatal(err)
	}
	f.wantEntries(t, []Entry{other}, []Entry{renewed})
}

func TestPutListsInMyWhereProgramsDoNotReadThePart(t *testing.T) {
	old, renewed := entry("card", "old"), entry("card", "renewed")
	for name, f := range map[string]*fakePlaces{"cannot be joined": {cannot: errors.New("refused"), readsPart: true}, "is not read": {}} {
		t.Run(name, func(t *testing.T) {
			for _, e := range []Entry{old, renewed} {
				if err := put(f, e); err != nil {
					t.Fatal(err)
				}
				f.wantEntries(t, []Entry{e}, nil)
			}
		})
	}
}

func TestPutRefusesEmptyEntry(t *testing.T) {
	f := &fakePlaces{readsPart: true}
	if put(f, entry("", "certificate")) == nil || put(f, entry("card", "")) == nil {
		t.Error("listed")
	}
	f.wantEntries(t, nil, nil)
}
