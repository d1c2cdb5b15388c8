/* Drops files on a window, as a file manager does (XDND 5, the side of the source).
 *
 * usage: drag WINDOW X Y URI...     X and Y are on the screen */
#include <X11/Xatom.h>
#include <X11/Xlib.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static Display *display;
static Window source, target;

static Atom atom(const char *name) { return XInternAtom(display, name, False); }

static void send(const char *type, long a, long b, long c, long d)
{
	XEvent e = {0};
	e.xclient.type = ClientMessage;
	e.xclient.window = target;
	e.xclient.message_type = atom(type);
	e.xclient.format = 32;
	e.xclient.data.l[0] = (long)source;
	e.xclient.data.l[1] = a;
	e.xclient.data.l[2] = b;
	e.xclient.data.l[3] = c;
	e.xclient.data.l[4] = d;
	XSendEvent(display, target, False, NoEventMask, &e);
}

static void answer(const XSelectionRequestEvent *r, const char *uris)
{
	XEvent e = {0};
	XChangeProperty(display, r->requestor, r->property, r->target, 8, PropModeReplace, (const unsigned char *)uris, (int)strlen(uris));
	e.xselection.type = SelectionNotify;
	e.xselection.requestor = r->requestor;
	e.xselection.selection = r->selection;
	e.xselection.target = r->target;
	e.xselection.property = r->property;
	e.xselection.time = r->time;
	XSendEvent(display, r->requestor, False, NoEventMask, &e);
}

int main(int argc, char **argv)
{
	static char uris[1 << 20];
	size_t used = 0;
	if (argc < 5 || !(display = XOpenDisplay(NULL)))
		return 2;
	target = strtoul(argv[1], NULL, 0);
	for (int i = 4; i < argc; i++)
		used += (size_t)snprintf(uris + used, sizeof uris - used, "%s\r\n", argv[i]);
	source = XCreateSimpleWindow(display, DefaultRootWindow(display), 0, 0, 1, 1, 0, 0, 0);
	XSetSelectionOwner(display, atom("XdndSelection"), source, CurrentTime);
	send("XdndEnter", 5L << 24, (long)atom("text/uri-list"), 0, 0);
	send("XdndPosition", 0, strtol(argv[2], NULL, 0) << 16 | strtol(argv[3], NULL, 0), CurrentTime, (long)atom("XdndActionCopy"));
	for (XEvent e;;) {
		XNextEvent(display, &e);
		if (e.type == SelectionRequest) {
			answer(&e.xselectionrequest, uris);
		} else if (e.type == ClientMessage && e.xclient.message_type == atom("XdndStatus")) {
			if (!(e.xclient.data.l[1] & 1))
				return 3; /* the window takes nothing */
			send("XdndDrop", 0, CurrentTime, 0, 0);
		} else if (e.type == ClientMessage && e.xclient.message_type == atom("XdndFinished")) {
			return e.xclient.data.l[1] ? 0 : 4; /* GLFW sends the number of bytes */
		}
	}
}
