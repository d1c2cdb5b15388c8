package pinbox

import (
	"context"
	"runtime"
	"sync"
	"syscall"
	"time"
	"unsafe"

	"golang.org/x/sys/windows"

	"cie/card"
	"cie/cmd/internal/kspagent"
	"cie/gui/text"
	"cie/pkcs11mod"
)

// Box shows boxes. It implements kspagent.Dialog.
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

	adjustWindowRectDPI  = user32.NewProc("AdjustWindowRectExForDpi")
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
	getDPIForWindow      = user32.NewProc("GetDpiForWindow")
	getMessage           = user32.NewProc("GetMessageW")
	getMonitorInfo       = user32.NewProc("GetMonitorInfoW")
	getWindowRect        = user32.NewProc("GetWindowRect")
	getWindowText        = user32.NewProc("GetWindowTextW")
	getWindowTextLength  = user32.NewProc("GetWindowTextLengthW")
	isDialogMessage      = user32.NewProc("IsDialogMessageW")
	isWindow             = user32.NewProc("IsWindow")
	loadCursor           = user32.NewProc("LoadCursorW")
	monitorFromWindow    = user32.NewProc("MonitorFromWindow")
	postMessage          = user32.NewProc("PostMessageW")
	postQuitMessage      = user32.NewProc("PostQuitMessage")
	registerClass        = user32.NewProc("RegisterClassExW")
	releaseDC            = user32.NewProc("ReleaseDC")
	sendMessage          = user32.NewProc("SendMessageW")
	sendMessageTimeout   = user32.NewProc("SendMessageTimeoutW")
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
	wmNull, wmDestroy, wmClose, wmSetFont, wmCommand, wmApp, dmGetDefID   = 0x0, 0x2, 0x10, 0x30, 0x111, 0x8000, 0x400
	wmDPIChanged, smtoAbortIfHung                                         = 0x2E0, 2
	swpNoZOrder, swpNoActivate                                            = 0x4, 0x10
	enChange, bnClicked                                                   = 0x300, 0
	idOK, idCancel, idField, idConfirm, idWarning, idTries                = 1, 2, 100, 101, 102, 103
	hasDefID                                                              = 0x534B
	dtWordBreak, dtCalcRect, dtNoPrefix                                   = 0x10, 0x400, 0x800
	spiNonClientMetrics, monitorNearest                                   = 0x29, 2
	logPixelsY                                                            = 90
	colorFace                                                             = 15
	swShow, gaRoot, idcArrow                                              = 5, 2, 32512
)

type rect struct{ left, top, right, bottom int32 }

// monitorInfo is MONITORINFO.
type monitorInfo struct {
	size       uint32
	full, work rect
	flags      uint32
}

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

// box is an open box. Its window belongs to the thread that runs it, and that thread alone
// uses the following but for mu and abandoned.
type box struct {
	content
	pin   []byte // of the caller; nil: the box has no field
	page  []byte // locked memory: what the field contains, then the digits
	dpi   int32
	font  uintptr
	bold  uintptr
	err   error
	owner uintptr // window above which the box lies

	window     uintptr
	paragraphs [4]uintptr // the last is about the tries, and is replaced by that about the digits
	label      uintptr
	field      uintptr
	check      uintptr
	ok         uintptr
	cancel     uintptr

	mu        sync.Mutex
	abandoned bool // the caller does not wait any more, so pin is not written
}

// boxes are the open boxes by the number of their thread: the procedure of a window has no
// other way to its box before the window exists.
var boxes sync.Map

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

// closeTime limits the wait for a box that was cancelled: another program can stop its thread.
const closeTime = time.Second

// show shows a box until the user or the context ends it. With pin it fills in the digits.
func show(ctx context.Context, owner uintptr, c content, pin []byte) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if err := user32.Load(); err != nil {
		return err
	}
	register()
	b := &box{content: c, pin: pin, owner: root(owner), err: kspagent.ErrCancelled}
	if pin != nil {
		page, err := pkcs11mod.NewPage()
		if err != nil {
			return err
		}
		b.page = page
	}
	ended := make(chan error, 1)
	go b.run(ctx, ended)
	select {
	case err := <-ended:
		return err
	case <-ctx.Done():
	}
	select {
	case <-ended:
	case <-time.After(closeTime):
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.abandoned = true
	clear(b.pin)
	return ctx.Err()
}

// run shows the box. Its thread ends with it, so that no window and no message for one is left
// there: a program that sends a message to a window of an idle thread never gets an answer.
func (b *box) run(ctx context.Context, ended chan<- error) {
	runtime.LockOSThread()
	thread := windows.GetCurrentThreadId()
	boxes.Store(thread, b)
	defer boxes.Delete(thread)
	err := b.open()
	if err == nil {
		stop := context.AfterFunc(ctx, func() { _, _, _ = postMessage.Call(b.window, wmApp, 0, 0) })
		b.appear()
		b.loop()
		stop()
		err = b.err
	}
	b.release()
	if b.page != nil {
		b.mu.Lock()
		if err == nil && !b.abandoned {
			copy(b.pin, b.digitsPage())
		}
		b.mu.Unlock()
		pkcs11mod.FreePage(b.page)
	}
	ended <- err
}

// typedPage and digitsPage return the parts of the locked memory.
func (b *box) typedPage() []uint16 {
	return unsafe.Slice((*uint16)(unsafe.Pointer(&b.page[0])), card.CodeLength+2)
}

func (b *box) digitsPage() []byte {
	const start = 2 * (card.CodeLength + 2)
	return b.page[start : start+card.CodeLength]
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
	v, ok := boxes.Load(windows.GetCurrentThreadId())
	b, _ := v.(*box)
	switch {
	case !ok:
	case number == wmCommand:
		b.command(wParam&0xFFFF, wParam>>16)
		return 0
	case number == dmGetDefID:
		return idOKOrCancel(b) | hasDefID<<16
	case number == wmClose, number == wmApp:
		b.close()
		return 0
	case number == wmDPIChanged:
		b.rescale(int32(wParam>>16), lParam)
		return 0
	case number == wmDestroy:
		b.wipe()
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

func (b *box) close() {
	_, _, _ = destroyWindow.Call(b.window)
}

// wipe overwrites what the field contains, which the control keeps in memory of its own.
func (b *box) wipe() {
	if b.field != 0 {
		_, _, _ = setWindowText.Call(b.field, uintptr(unsafe.Pointer(wide("00000000"))))
		_, _, _ = setWindowText.Call(b.field, uintptr(unsafe.Pointer(wide(""))))
	}
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
		typed := b.typedPage()
		n, _, _ := getWindowText.Call(b.field, uintptr(unsafe.Pointer(&typed[0])), uintptr(len(typed)))
		if !takeDigits(typed[:min(int(n), len(typed))], b.digitsPage()) {
			_, _, _ = setWindowText.Call(b.paragraphs[3], uintptr(unsafe.Pointer(wide(b.digits))))
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

// style and extended are those of the window.
const style, extended = wsPopup | wsCaption | wsSysMenu, wsExDialog | wsExTopmost | wsExControlParent

// open makes the window and its controls.
func (b *box) open() error {
	instance, _, _ := getModuleHandle.Call(0)
	owner := b.owner
	if !handlesMessages(owner) {
		owner = 0
	}
	window, _, err := createWindowEx.Call(extended, uintptr(unsafe.Pointer(wide(Class))), uintptr(unsafe.Pointer(wide(b.title))), style,
		0, 0, 0, 0, owner, 0, instance, 0)
	if window == 0 {
		return err
	}
	b.window = window
	b.dpi = systemDPI()
	if getDPIForWindow.Find() == nil {
		dpi, _, _ := getDPIForWindow.Call(window)
		b.dpi = int32(dpi)
	}
	width, height := b.layOut()
	b.place(width, height)
	return nil
}

// appear shows the window and gives it the keyboard.
func (b *box) appear() {
	_, _, _ = showWindow.Call(b.window, swShow)
	if ok, _, _ := setForegroundWindow.Call(b.window); ok == 0 {
		_, _, _ = flashWindow.Call(b.window, 1)
	}
	focus := b.field
	if focus == 0 {
		focus = b.ok
	}
	if focus == 0 {
		focus = b.cancel
	}
	_, _, _ = setFocus.Call(focus)
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

// answerTime is the time in which a thread that handles messages answers one, in milliseconds.
const answerTime = 300

// handlesMessages reports whether the thread of a window handles messages. One that does not,
// for instance because it waits for the signature, must not own the box: Windows lets the
// threads of both windows wait for each other.
func handlesMessages(window uintptr) bool {
	if window == 0 {
		return false
	}
	var result uintptr
	ok, _, _ := sendMessageTimeout.Call(window, wmNull, 0, 0, smtoAbortIfHung, answerTime, uintptr(unsafe.Pointer(&result)))
	return ok != 0
}

// systemDPI returns the dots per inch of the screen on which the user logged on.
func systemDPI() int32 {
	screen, _, _ := getDC.Call(0)
	dots, _, _ := getDeviceCaps.Call(screen, logPixelsY)
	_, _, _ = releaseDC.Call(0, screen)
	return int32(dots)
}

// Measures in 1/96 inch.
const (
	boxWidth = 420
	margin   = 16
	gap      = 10
	line     = 24
	button   = 125
)

func (b *box) px(n int32) int32 { return n * b.dpi / 96 }

// fonts makes the font of message boxes, and a bold one.
func (b *box) fonts() {
	var m nonClientMetrics
	m.size = uint32(unsafe.Sizeof(m))
	_, _, _ = systemParametersInfo.Call(spiNonClientMetrics, uintptr(m.size), uintptr(unsafe.Pointer(&m)), 0)
	f := m.messageFont
	f.height = f.height * b.dpi / systemDPI()
	b.font, _, _ = createFontIndirect.Call(uintptr(unsafe.Pointer(&f)))
	f.weight = 700
	b.bold, _, _ = createFontIndirect.Call(uintptr(unsafe.Pointer(&f)))
}

// layOut places the controls from top to bottom, makes those that are not there yet, and
// returns the size of the window around them.
func (b *box) layOut() (width, height int32) {
	old := [2]uintptr{b.font, b.bold}
	b.fonts()
	defer func() {
		for _, font := range old {
			_, _, _ = deleteObject.Call(font)
		}
	}()
	y, left, inner := b.px(margin), b.px(margin), b.px(boxWidth-2*margin)
	for i, p := range []struct {
		text string
		font uintptr
		id   uintptr
	}{{b.lead, b.bold, 0}, {b.why, b.font, 0}, {b.warning, b.bold, idWarning}, {b.tries, b.font, idTries}} {
		if p.text == "" {
			continue
		}
		h := measure(p.font, p.text, inner)
		b.control(&b.paragraphs[i], "STATIC", p.text, ssNoPrefix, 0, p.id, rect{left, y, inner, h}, p.font)
		y += h + b.px(gap)
	}
	if b.content.label != "" {
		label := inner * 2 / 5
		b.control(&b.label, "STATIC", b.content.label, 0, 0, 0, rect{left, y + b.px(3), label, b.px(line)}, b.font)
		fresh := b.field == 0
		b.control(&b.field, "EDIT", "", wsTabStop|esPassword|esNumber, wsExClientEdge, idField, rect{left + label, y, inner - label, b.px(line)}, b.font)
		if fresh {
			_, _, _ = sendMessage.Call(b.field, emLimitText, card.CodeLength, 0)
			_, _, _ = sendMessage.Call(b.field, emSetPasswordChar, '●', 0)
		}
		y += b.px(line + gap)
	}
	if b.confirm != "" {
		b.control(&b.check, "BUTTON", b.confirm, wsTabStop|bsAutoCheckBox, 0, idConfirm, rect{left, y, inner, b.px(line)}, b.font)
		y += b.px(line + gap)
	}
	y += b.px(gap)
	x := b.px(boxWidth - margin - button)
	last := rect{x, y, b.px(button), b.px(line + 4)}
	if b.content.ok != "" {
		x -= b.px(button + gap)
		fresh := b.ok == 0
		b.control(&b.ok, "BUTTON", b.content.ok, wsTabStop|bsDefault, 0, idOK, rect{x, y, b.px(button), b.px(line + 4)}, b.font)
		if fresh && b.pin != nil {
			_, _, _ = enableWindow.Call(b.ok, 0)
		}
	}
	b.control(&b.cancel, "BUTTON", b.content.cancel, wsTabStop, 0, idCancel, last, b.font)
	return b.around(b.px(boxWidth), y+b.px(line+4+margin))
}

// around returns the size of a window with a client area of this size.
func (b *box) around(width, height int32) (int32, int32) {
	r := rect{right: width, bottom: height}
	if adjustWindowRectDPI.Find() == nil {
		_, _, _ = adjustWindowRectDPI.Call(uintptr(unsafe.Pointer(&r)), style, 0, extended, uintptr(b.dpi))
	} else {
		_, _, _ = adjustWindowRectEx.Call(uintptr(unsafe.Pointer(&r)), style, 0, extended)
	}
	return r.right - r.left, r.bottom - r.top
}

// measure returns the height of a text in lines of a width.
func measure(font uintptr, s string, width int32) int32 {
	screen, _, _ := getDC.Call(0)
	old, _, _ := selectObject.Call(screen, font)
	r := rect{right: width}
	_, _, _ = drawText.Call(screen, uintptr(unsafe.Pointer(wide(s))), ^uintptr(0), uintptr(unsafe.Pointer(&r)), dtWordBreak|dtCalcRect|dtNoPrefix)
	_, _, _ = selectObject.Call(screen, old)
	_, _, _ = releaseDC.Call(0, screen)
	return r.bottom
}

// control makes a control of the box, or moves one that is there. The third and fourth number
// of its place are width and height.
func (b *box) control(window *uintptr, class, label string, style, extended, id uintptr, place rect, font uintptr) {
	x, y, width, height := uintptr(place.left), uintptr(place.top), uintptr(place.right), uintptr(place.bottom)
	if *window == 0 {
		instance, _, _ := getModuleHandle.Call(0)
		*window, _, _ = createWindowEx.Call(extended, uintptr(unsafe.Pointer(wide(class))), uintptr(unsafe.Pointer(wide(label))), wsChild|wsVisible|style,
			x, y, width, height, b.window, id, instance, 0)
	} else {
		_, _, _ = setWindowPos.Call(*window, 0, x, y, width, height, swpNoZOrder|swpNoActivate)
	}
	_, _, _ = sendMessage.Call(*window, wmSetFont, font, 1)
}

// rescale adapts the box to a screen with other dots per inch. suggested is the address of the
// rectangle that Windows proposes; any program can send the message, so it may be wrong.
func (b *box) rescale(dpi int32, suggested uintptr) {
	if dpi < 96 || dpi > 96*10 {
		return
	}
	b.dpi = dpi
	var r rect
	var n uintptr
	place := (*byte)(unsafe.Pointer(&r))
	if windows.ReadProcessMemory(windows.CurrentProcess(), suggested, place, unsafe.Sizeof(r), &n) != nil {
		_, _, _ = getWindowRect.Call(b.window, uintptr(unsafe.Pointer(&r)))
	}
	width, height := b.layOut()
	_, _, _ = setWindowPos.Call(b.window, 0, uintptr(r.left), uintptr(r.top), uintptr(width), uintptr(height), swpNoZOrder|swpNoActivate)
}

// place moves the window to the middle of its owner, or of the screen, within that screen: an
// owner that is minimised is outside of all.
func (b *box) place(width, height int32) {
	area := monitorInfo{size: uint32(unsafe.Sizeof(monitorInfo{}))}
	monitor, _, _ := monitorFromWindow.Call(b.owner, monitorNearest)
	_, _, _ = getMonitorInfo.Call(monitor, uintptr(unsafe.Pointer(&area)))
	r := area.work
	if b.owner != 0 {
		_, _, _ = getWindowRect.Call(b.owner, uintptr(unsafe.Pointer(&r)))
	}
	x := within(r.left+(r.right-r.left-width)/2, area.work.left, area.work.right-width)
	y := within(r.top+(r.bottom-r.top-height)/3, area.work.top, area.work.bottom-height)
	_, _, _ = setWindowPos.Call(b.window, 0, uintptr(x), uintptr(y), uintptr(width), uintptr(height), swpNoZOrder|swpNoActivate)
}

// within returns the number nearest to x that is not above high, and not below low.
func within(x, low, high int32) int32 { return max(min(x, high), low) }
