//go:build x11 || wayland || !linux

package native

import "testing"

func TestPlaceIsUsedOnlyOnAScreen(t *testing.T) {
	two := []area{{0, 27, 1920, 1053}, {1920, 0, 1280, 1024}}
	for _, tt := range []struct {
		x, y  int
		areas []area
		want  bool
	}{
		{10, 40, two, true}, {2000, 10, two, true}, {2000, 10, two[:1], false}, // the second screen was unplugged
		{-32000, -32000, two, false}, {1900, 40, two[:1], false}, {10, 5, two[:1], false}, {0, 0, nil, false},
	} {
		if got := onScreen(tt.areas, tt.x, tt.y); got != tt.want {
			t.Errorf("%d, %d on %v: %v", tt.x, tt.y, tt.areas, got)
		}
	}
}
