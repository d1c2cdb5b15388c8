package pinbox

import (
	"context"
	"runtime"
	"sync"
	"syscall"
	"unsafe"

	"golang.org/x/sys/windows"

	"cie/card"
	"cie/cmd/internal/kspagent"
	"cie/gui/text"
	"cie/pkcs11mod"
)

// Box shows boxes, one at a time. It implements kspagent.Dialog.
type Box struct{ texts *text.Catalogue }

// New returns a Box with texts of a language.
func New(texts *text.Catalogue) *Box { return &Box{texts} }

// Class is the name of the class of the box's windows.
const Class = "CIE-PIN"

// PIN implements kspagent.Dialog.
func (b *Box) PIN(ctx context.Context, q kspagent.Question, pin []byte) error {
	return show(ctx, q.Owner, forQuestion(b.texts, q), pin)
}

// Explain implements kspagent.Dialog.
func (b *Box) Explain(ctx context.Context, owner uintptr, err error) {
	_ = show(ctx, owner, forError(b.texts, err), nil)
}

// Insert implements kspagent.Dialog.
func (b *Box) Insert(ctx context.Context, owner uintptr, holder string) error {
	return show(ctx, owner, forCard(b.texts, holder), nil)
}

var (
	user32   = windows.NewLazySystemDLL("user32.dll")
	gdi32    = windows.NewLazySystemDLL("gdi32.dll")
	kernel32 = windows.NewLazySystemDLL("kernel32.dll")

	adjustWindowRectEx   = user32.NewProc("AdjustWindowRectEx")
	createWindowEx       = user32.NewProc("CreateWindowExW")
	defWindowProc        = user32.NewProc("DefWindowProcW")
	destroyWindow        = user32.NewProc("DestroyWindow")
	dispatchMessage      = user32.NewProc("DispatchMessageW")
	drawText             = user32.NewProc("DrawTextW")
	enableWindow         = user32.NewProc("EnableWindow")
	flashWindow          = user32.NewProc("FlashWindow")
	getAncestor          = user32.NewProc("GetAncestor")
	getDC                = user32.NewProc("GetDC")
	getMessage           = user32.NewProc("GetMessageW")
	getWindowRect        = user32.NewProc("GetWindowRect")
	getWindowText        = user32.NewProc("GetWindowTextW")
	getWindowTextLength  = user32.NewProc("GetWindowTextLengthW")
	isDialogMessage      = user32.NewProc("IsDialogMessageW")
	isWindow             = user32.NewProc("IsWindow")
	loadCursor           = user32.NewProc("LoadCursorW")
	postMessage          = user32.NewProc("PostMessageW")
	postQuitMessage      = user32.NewProc("PostQuitMessage")
	registerClass        = user32.NewProc("RegisterClassExW")
	releaseDC            = user32.NewProc("ReleaseDC")
	sendMessage          = user32.NewProc("SendMessageW")
	setFocus             = user32.NewProc("SetFocus")
	setForegroundWindow  = user32.NewProc("SetForegroundWindow")
	setWindowPos         = user32.NewProc("SetWindowPos")
	setWindowText        = user32.NewProc("SetWindowTextW")
	showWindow           = user32.NewProc("ShowWindow")
	systemParametersInfo = user32.NewProc("SystemParametersInfoW")
	translateMessage     = user32.NewProc("TranslateMessage")

	createFontIndirect = gdi32.NewProc("CreateFontIndirectW")
	deleteObject       = gdi32.NewProc("DeleteObject")
	getDeviceCaps      = gdi32.NewProc("GetDeviceCaps")
	selectObject       = gdi32.NewProc("SelectObject")

	getModuleHandle = kernel32.NewProc("GetModuleHandleW")
)

// Constants of winuser.h and wingdi.h.
const (
	wsPopup, wsCaption, wsSysMenu, wsChild, wsVisible, wsTabStop, wsGroup = 0x80000000, 0x00C00000, 0x00080000, 0x40000000, 0x10000000, 0x00010000, 0x00020000
	wsExDialog, wsExTopmost, wsExControlParent, wsExClientEdge            = 0x1, 0x8, 0x00010000, 0x200
	esPassword, esNumber                                                  = 0x20, 0x2000
	bsDefault, bsAutoCheckBox                                             = 1, 3
	ssNoPrefix                                                            = 0x80
	emLimitText, bmGetCheck, emSetPasswordChar                            = 0xC5, 0xF0, 0xCC
	wmDestroy, wmClose, wmSetFont, wmCommand, wmApp, dmGetDefID           = 0x2, 0x10, 0x30, 0x111, 0x8000, 0x400
	enChange, bnClicked                                                   = 0x300, 0
	idOK, idCancel, idField, idConfirm, idWarning, idTries                = 1, 2, 100, 101, 102, 103
	hasDefID                                                              = 0x534B
	dtWordBreak, dtCalcRect, dtNoPrefix                                   = 0x10, 0x400, 0x800
	spiNonClientMetrics, spiWorkArea                                      = 0x29, 0x30
	logPixelsY                                                            = 90
	colorFace                                                             = 15
	swShow, gaRoot, idcArrow                                              = 5, 2, 32512
)

type rect struct{ left, top, right, bottom int32 }

type message struct {
	window         uintptr
	number         uint32
	wParam, lParam uintptr
	time           uint32
	x, y           int32
	private        uint32
}

type windowClass struct {
	size, style                        uint32
	procedure                          uintptr
	extraClass, extraWindow            int32
	instance, icon, cursor, background uintptr
	menu, name                         *uint16
	smallIcon                          uintptr
}

type logFont struct {
	height, width, escapement, orientation, weight                                              int32
	italic, underline, strikeOut, charSet, outPrecision, clipPrecision, quality, pitchAndFamily byte
	face                                                                                        [32]uint16
}

// nonClientMetrics is NONCLIENTMETRICSW.
type nonClientMetrics struct {
	size                                   uint32
	borderWidth, scrollWidth, scrollHeight int32
	captionWidth, captionHeight            int32
	captionFont                            logFont
	smallCaptionWidth, smallCaptionHeight  int32
	smallCaptionFont                       logFont
	menuWidth, menuHeight                  int32
	menuFont, statusFont, messageFont      logFont
	paddedBorderWidth                      int32
}

// box is an open box. Its window belongs to the thread that shows it.
type box struct {
	content
	pin    []byte
	typed  []byte // locked memory for what the field contains
	font   uintptr
	bold   uintptr
	scale  int32 // dots per inch
	window uintptr
	field  uintptr
	check  uintptr
	ok     uintptr
	notice uintptr // the text about the tries, replaced by that about the digits
	err    error
}

// shown is the open box: the procedure of its window has no other way to it. showing
// guards it.
var (
	showing sync.Mutex
	shown   *box
)

// register makes the class of the windows, once.
var register = sync.OnceValue(func() uintptr {
	instance, _, _ := getModuleHandle.Call(0)
	cursor, _, _ := loadCursor.Call(0, idcArrow)
	c := windowClass{procedure: syscall.NewCallback(procedure), instance: instance, cursor: cursor, background: colorFace + 1, name: wide(Class)}
	c.size = uint32(unsafe.Sizeof(c))
	atom, _, _ := registerClass.Call(uintptr(unsafe.Pointer(&c)))
	return atom
})

func wide(s string) *uint16 {
	p, err := windows.UTF16PtrFromString(s)
	if err != nil {
		p, _ = windows.UTF16PtrFromString("")
	}
	return p
}

// show shows a box until the user or the context ends it. With pin it fills in the digits.
func show(ctx context.Context, owner uintptr, c content, pin []byte) error {
	showing.Lock()
	defer showing.Unlock()
	if err := ctx.Err(); err != nil {
		return err
	}
	// The messages of a window arrive on its thread.
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	if err := user32.Load(); err != nil {
		return err
	}
	register()
	b := &box{content: c, pin: pin, err: kspagent.ErrCancelled}
	if pin != nil {
		page, err := pkcs11mod.NewPage()
		if err != nil {
			return err
		}
		defer pkcs11mod.FreePage(page)
		b.typed = page
	}
	shown = b
	defer func() { shown = nil }()
	if err := b.open(owner); err != nil {
		return err
	}
	defer b.release()
	stop := context.AfterFunc(ctx, func() { _, _, _ = postMessage.Call(b.window, wmApp, 0, 0) })
	defer stop()
	b.loop()
	if err := ctx.Err(); err != nil {
		return err
	}
	return b.err
}

// loop handles the messages of the thread until the window is destroyed.
func (b *box) loop() {
	var m message
	for {
		r, _, _ := getMessage.Call(uintptr(unsafe.Pointer(&m)), 0, 0, 0)
		if int32(r) <= 0 {
			return
		}
		// Tab, Return and Escape work as in a dialog.
		if r, _, _ := isDialogMessage.Call(b.window, uintptr(unsafe.Pointer(&m))); r == 0 {
			_, _, _ = translateMessage.Call(uintptr(unsafe.Pointer(&m)))
			_, _, _ = dispatchMessage.Call(uintptr(unsafe.Pointer(&m)))
		}
	}
}

func (b *box) release() {
	for _, font := range []uintptr{b.font, b.bold} {
		_, _, _ = deleteObject.Call(font)
	}
}

// procedure handles a message to a window of this package.
func procedure(window, number, wParam, lParam uintptr) uintptr {
	b := shown
	switch {
	case b == nil:
	case number == wmCommand:
		b.command(wParam&0xFFFF, wParam>>16)
		return 0
	case number == dmGetDefID:
		return idOKOrCancel(b) | hasDefID<<16
	case number == wmClose, number == wmApp:
		b.close()
		return 0
	case number == wmDestroy:
		_, _, _ = postQuitMessage.Call(0)
		return 0
	}
	r, _, _ := defWindowProc.Call(window, number, wParam, lParam)
	return r
}

func idOKOrCancel(b *box) uintptr {
	if b.content.ok == "" {
		return idCancel
	}
	return idOK
}

// close wipes what the field contains and destroys the window.
func (b *box) close() {
	if b.field != 0 {
		// The control keeps the text in memory of its own; this overwrites it.
		_, _, _ = setWindowText.Call(b.field, uintptr(unsafe.Pointer(wide("00000000"))))
		_, _, _ = setWindowText.Call(b.field, uintptr(unsafe.Pointer(wide(""))))
	}
	_, _, _ = destroyWindow.Call(b.window)
}

// command handles what the user did with a control.
func (b *box) command(id, event uintptr) {
	switch {
	case id == idCancel:
		b.close()
	case id == idOK && b.pin == nil:
		b.err = nil
		b.close()
	case id == idOK:
		if !b.complete() {
			return // Return in a field that is not complete
		}
		n, _, _ := getWindowText.Call(b.field, uintptr(unsafe.Pointer(&b.typed[0])), card.CodeLength+2)
		typed := unsafe.Slice((*uint16)(unsafe.Pointer(&b.typed[0])), card.CodeLength+2)
		if !takeDigits(typed[:min(int(n), len(typed))], b.pin) {
			_, _, _ = setWindowText.Call(b.notice, uintptr(unsafe.Pointer(wide(b.digits))))
			_, _, _ = setFocus.Call(b.field)
			return
		}
		b.err = nil
		b.close()
	case id == idField && event == enChange, id == idConfirm && event == bnClicked:
		enabled := uintptr(0)
		if b.complete() {
			enabled = 1
		}
		_, _, _ = enableWindow.Call(b.ok, enabled)
	}
}

// complete reports whether the field has 8 characters, and the last try is confirmed.
func (b *box) complete() bool {
	n, _, _ := getWindowTextLength.Call(b.field)
	if n != card.CodeLength {
		return false
	}
	if b.check == 0 {
		return true
	}
	checked, _, _ := sendMessage.Call(b.check, bmGetCheck, 0, 0)
	return checked == 1
}

// open makes the window and its controls and shows them.
func (b *box) open(owner uintptr) error {
	owner = root(owner)
	screen, _, _ := getDC.Call(0)
	dots, _, _ := getDeviceCaps.Call(screen, logPixelsY)
	b.scale = int32(dots)
	b.fonts()
	instance, _, _ := getModuleHandle.Call(0)
	const style, extended = wsPopup | wsCaption | wsSysMenu, wsExDialog | wsExTopmost | wsExControlParent
	window, _, err := createWindowEx.Call(extended, uintptr(unsafe.Pointer(wide(Class))), uintptr(unsafe.Pointer(wide(b.title))), style,
		0, 0, 0, 0, owner, 0, instance, 0)
	if window == 0 {
		return err
	}
	b.window = window
	height := b.fill(screen)
	_, _, _ = releaseDC.Call(0, screen)

	r := rect{right: b.px(boxWidth), bottom: height}
	_, _, _ = adjustWindowRectEx.Call(uintptr(unsafe.Pointer(&r)), style, 0, extended)
	b.place(owner, r.right-r.left, r.bottom-r.top)
	_, _, _ = showWindow.Call(window, swShow)
	if ok, _, _ := setForegroundWindow.Call(window); ok == 0 {
		_, _, _ = flashWindow.Call(window, 1)
	}
	focus := b.field
	if focus == 0 {
		focus = b.ok
	}
	_, _, _ = setFocus.Call(focus)
	return nil
}

// root returns the window of a program in which the caller's window is, 0 if there is none.
// The box lies above it; it is never disabled, because its program may have to end.
func root(owner uintptr) uintptr {
	if owner == 0 {
		return 0
	}
	if ok, _, _ := isWindow.Call(owner); ok == 0 {
		return 0
	}
	top, _, _ := getAncestor.Call(owner, gaRoot)
	return top
}

// Measures in 1/96 inch.
const (
	boxWidth = 420
	margin   = 16
	gap      = 10
	line     = 24
	button   = 110
)

func (b *box) px(n int32) int32 { return n * b.scale / 96 }

// fonts makes the font of message boxes, and a bold one.
func (b *box) fonts() {
	var m nonClientMetrics
	m.size = uint32(unsafe.Sizeof(m))
	_, _, _ = systemParametersInfo.Call(spiNonClientMetrics, uintptr(m.size), uintptr(unsafe.Pointer(&m)), 0)
	f := m.messageFont
	b.font, _, _ = createFontIndirect.Call(uintptr(unsafe.Pointer(&f)))
	f.weight = 700
	b.bold, _, _ = createFontIndirect.Call(uintptr(unsafe.Pointer(&f)))
}

// fill makes the controls from top to bottom and returns the height that they need.
func (b *box) fill(screen uintptr) int32 {
	y, left, width := b.px(margin), b.px(margin), b.px(boxWidth-2*margin)
	paragraph := func(s string, font uintptr, id uintptr) uintptr {
		if s == "" {
			return 0
		}
		h := measure(screen, font, s, width)
		w := b.control("STATIC", s, ssNoPrefix, 0, id, left, y, width, h, font)
		y += h + b.px(gap)
		return w
	}
	paragraph(b.lead, b.bold, 0)
	paragraph(b.why, b.font, 0)
	paragraph(b.warning, b.bold, idWarning)
	b.notice = paragraph(b.tries, b.font, idTries)
	if b.label != "" {
		label := width * 2 / 5
		b.control("STATIC", b.label, 0, 0, 0, left, y+b.px(3), label, b.px(line), b.font)
		b.field = b.control("EDIT", "", wsTabStop|esPassword|esNumber, wsExClientEdge, idField, left+label, y, width-label, b.px(line), b.font)
		_, _, _ = sendMessage.Call(b.field, emLimitText, card.CodeLength, 0)
		_, _, _ = sendMessage.Call(b.field, emSetPasswordChar, '●', 0)
		y += b.px(line + gap)
	}
	if b.confirm != "" {
		b.check = b.control("BUTTON", b.confirm, wsTabStop|bsAutoCheckBox, 0, idConfirm, left, y, width, b.px(line), b.font)
		y += b.px(line + gap)
	}
	y += b.px(gap)
	x := b.px(boxWidth-margin) - b.px(button)
	cancel := [4]int32{x, y, b.px(button), b.px(line + 4)}
	if b.content.ok != "" {
		x -= b.px(button + gap)
		b.ok = b.control("BUTTON", b.content.ok, wsTabStop|bsDefault, 0, idOK, x, y, b.px(button), b.px(line+4), b.font)
		if b.pin != nil {
			_, _, _ = enableWindow.Call(b.ok, 0)
		}
	}
	w := b.control("BUTTON", b.cancel, wsTabStop, 0, idCancel, cancel[0], cancel[1], cancel[2], cancel[3], b.font)
	if b.ok == 0 {
		b.ok = w
	}
	return y + b.px(line+4+margin)
}

// measure returns the height of a text in lines of a width.
func measure(screen, font uintptr, s string, width int32) int32 {
	old, _, _ := selectObject.Call(screen, font)
	r := rect{right: width}
	_, _, _ = drawText.Call(screen, uintptr(unsafe.Pointer(wide(s))), ^uintptr(0), uintptr(unsafe.Pointer(&r)), dtWordBreak|dtCalcRect|dtNoPrefix)
	_, _, _ = selectObject.Call(screen, old)
	return r.bottom
}

// control makes a control of the box.
func (b *box) control(class, label string, style, extended, id uintptr, x, y, width, height int32, font uintptr) uintptr {
	instance, _, _ := getModuleHandle.Call(0)
	w, _, _ := createWindowEx.Call(extended, uintptr(unsafe.Pointer(wide(class))), uintptr(unsafe.Pointer(wide(label))), wsChild|wsVisible|style,
		uintptr(x), uintptr(y), uintptr(width), uintptr(height), b.window, id, instance, 0)
	_, _, _ = sendMessage.Call(w, wmSetFont, font, 1)
	return w
}

// place moves the window to the middle of its owner, or of the screen.
func (b *box) place(owner uintptr, width, height int32) {
	var r rect
	_, _, _ = systemParametersInfo.Call(spiWorkArea, 0, uintptr(unsafe.Pointer(&r)), 0)
	if owner != 0 {
		_, _, _ = getWindowRect.Call(owner, uintptr(unsafe.Pointer(&r)))
	}
	x, y := max(r.left+(r.right-r.left-width)/2, 0), max(r.top+(r.bottom-r.top-height)/3, 0)
	_, _, _ = setWindowPos.Call(b.window, 0, uintptr(x), uintptr(y), uintptr(width), uintptr(height), 0x4|0x10) // SWP_NOZORDER, SWP_NOACTIVATE
}
