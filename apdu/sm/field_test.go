package sm_test

import (
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"slices"
	"testing"

	"cie/apdu"
	"cie/apdu/apdutest"
	"cie/apdu/apdutest/testvector"
	"cie/apdu/sm"
)

// hexBytes is a byte string in JSON, in hexadecimal. The traces omit the first
// digit of a number that begins with zero.
type hexBytes []byte

func (h *hexBytes) UnmarshalText(text []byte) (err error) {
	if len(text)%2 == 1 {
		text = append([]byte{'0'}, text...)
	}
	*h, err = hex.AppendDecode(nil, text)
	return err
}

type fieldExchange struct {
	C, R   hexBytes
	PlainC hexBytes `json:"plain_c"`
	PlainR hexBytes `json:"plain_r"`
	SSC    hexBytes
	Keys   *struct {
		ZZ   hexBytes
		KEnc hexBytes `json:"k_enc"`
		KMac hexBytes `json:"k_mac"`
	}
}

// fieldTraces reads the traces of a client in the field. They are stored beside
// the tree and are not part of it.
func fieldTraces(t *testing.T) map[string][]fieldExchange {
	t.Helper()
	var file struct {
		Traces map[string]struct{ APDUs []fieldExchange }
	}
	if err := json.Unmarshal(testvector.Read(t, "field-client-traces.json"), &file); err != nil {
		t.Fatal(err)
	}
	all := make(map[string][]fieldExchange)
	for name, trace := range file.Traces {
		all[name] = trace.APDUs
	}
	return all
}

// conversation is a command before protection with its whole response. Protected
// ones have the counter of their first block.
type conversation struct {
	command  apdu.Command
	response []byte
	ssc      uint64 // 0: in the clear
	zz       []byte // set: a new session starts here
	keys     sm.Keys
}

// conversations parses a trace. With join it makes one command of the blocks of a
// chain. It adds the result of GET RESPONSE to the response before it.
func conversations(t *testing.T, trace []fieldExchange, join bool) []conversation {
	t.Helper()
	var (
		all   []conversation
		chain []byte
	)
	for i := 0; i < len(trace); i++ {
		e := trace[i]
		var cv conversation
		raw := e.C
		if e.PlainC != nil {
			raw = e.PlainC
			cv.ssc = binary.BigEndian.Uint64(e.SSC)
		}
		cmd, err := apdu.ParseCommand(raw)
		if err != nil {
			t.Fatalf("%X: %v", raw, err)
		}
		if e.Keys != nil {
			cv.zz = e.Keys.ZZ
			copy(cv.keys.ENC[:], e.Keys.KEnc)
			copy(cv.keys.MAC[:], e.Keys.KMac)
		}
		cv.response = e.R
		if e.PlainC != nil {
			cv.response = e.PlainR
		}
		for i+1 < len(trace) && trace[i+1].C[1] == 0xC0 {
			i++
			if e.PlainC == nil {
				cv.response = append(cv.response[:len(cv.response)-2:len(cv.response)-2], trace[i].R...)
			}
		}
		if join && cmd.CLA&0x10 != 0 {
			if chain == nil {
				all = append(all, cv) // to set its counter; the command is set below
			}
			chain = append(chain, cmd.Data...)
			continue
		}
		if chain != nil {
			first := all[len(all)-1]
			cmd.Data = append(chain, cmd.Data...)
			cv.ssc, chain = first.ssc, nil
			all = all[:len(all)-1]
		}
		cv.command = cmd
		all = append(all, cv)
	}
	return all
}

// TestFieldTracesReplay sends the commands of every trace. The replay accepts only
// the recorded bytes, so this checks key derivation, chaining, GET RESPONSE, the
// protection of every command and the opening of every response. It runs block by
// block as recorded, and with whole commands, which Client and Channel must split
// in the same places.
func TestFieldTracesReplay(t *testing.T) {
	for name, trace := range fieldTraces(t) {
		exchanges := make([]apdutest.Exchange, len(trace))
		for i, e := range trace {
			exchanges[i] = apdutest.Exchange{Command: e.C, Response: e.R}
		}
		for _, mode := range []struct {
			name string
			join bool
		}{{"blocks", false}, {"whole", true}} {
			t.Run(name+"/"+mode.name, func(t *testing.T) {
				replay := apdutest.NewReplay(exchanges)
				client := apdu.NewClient(replay, apdu.Config{})
				var (
					channel *sm.Channel
					ssc     uint64 // of the last response
					opened  int
				)
				for _, cv := range conversations(t, trace, mode.join) {
					var sender apdu.Sender = client
					if cv.ssc != 0 {
						if cv.ssc != ssc+1 { // end of the device authentication
							channel.SetSSC([8]byte(binary.BigEndian.AppendUint64(nil, cv.ssc-1)))
							ssc = cv.ssc - 1
						}
						ssc += 2 * uint64((len(cv.command.Data)+sm.MaxPlain-1)/sm.MaxPlain)
						if len(cv.command.Data) == 0 {
							ssc += 2
						}
						sender = channel
						opened++
					}
					r, err := sender.Send(cv.command)
					if err != nil {
						t.Fatalf("%v: %v", cv.command, err)
					}
					if got := r.Encode(); !bytes.Equal(got, cv.response) {
						t.Fatalf("%v: answer %X, want %X", cv.command, got, cv.response)
					}
					if cv.zz != nil {
						keys := sm.DeriveKeys(cv.zz)
						if *keys != cv.keys {
							t.Fatal("derived keys differ from those of the trace")
						}
						channel = sm.New(client, keys, [8]byte{7: 1})
						ssc = 1
						keys.Wipe()
						if *keys != (sm.Keys{}) {
							t.Error("keys not wiped")
						}
					}
				}
				if err := replay.Done(); err != nil {
					t.Error(err)
				}
				if opened == 0 {
					t.Error("nothing under secure messaging in this trace")
				}
				if n := int(client.Stats().APDUs); n != len(trace) {
					t.Errorf("%d APDUs counted, %d traced", n, len(trace))
				}
			})
		}
	}
}

func TestFieldCommandsRoundTrip(t *testing.T) {
	for name, trace := range fieldTraces(t) {
		for _, e := range trace {
			for _, raw := range slices.DeleteFunc([][]byte{e.C, e.PlainC}, func(b []byte) bool { return b == nil }) {
				cmd, err := apdu.ParseCommand(raw)
				if err != nil {
					t.Fatalf("%s: %X: %v", name, raw, err)
				}
				if again, err := cmd.Encode(); err != nil || !bytes.Equal(again, raw) {
					t.Errorf("%s: %X became %X, %v", name, raw, again, err)
				}
			}
		}
	}
}
