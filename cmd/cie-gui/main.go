//go:build x11 || wayland || !linux

// Command cie-gui is the desktop application for the Italian electronic
// identity card. It wires package gui to readers, browsers and files, and does
// nothing else itself.
//
// On Linux it is built for a display server, by tag: -tags x11 (which runs
// under Wayland, too, through XWayland) or -tags wayland.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"path/filepath"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/app"

	_ "cie/cmd/cie-gui/internal/locale" // before the toolkit is initialised
	"cie/cmd/cie-gui/internal/native"
	"cie/cmd/cie-gui/internal/session"
	"cie/cmd/internal/desktop"
	"cie/cmd/internal/probe"
	_ "cie/cmd/internal/syslib" // before libraries are loaded
	"cie/cmd/internal/tty"
	"cie/cmd/internal/version"
	"cie/gui"
)

// appID names the application to the desktop.
const appID = "cie-gui"

func main() {
	if len(os.Args) == 2 && os.Args[1] == desktop.ProbeVerb {
		tty.Conceal() // a PIN may be in the memory
		os.Exit(probe.Serve(os.Stdin, os.Stdout))
	}
	tty.NoCore()
	demo := flag.Bool("demo", false, "run with a virtual card; nothing real is touched")
	hidden := flag.Bool("hidden", false, "start in the tray, if there is one")
	module := flag.String("module", "", "path of the PKCS#11 module that browsers are told of")
	show := flag.Bool("version", false, "print the version and leave")
	flag.Parse()
	if *show {
		fmt.Print(version.Long("cie-gui"))
		return
	}
	if err := run(*demo, *hidden, *module, absolute(flag.Args())); err != nil {
		fmt.Fprintln(os.Stderr, "cie-gui:", err)
		os.Exit(1)
	}
}

// conceal keeps the memory of the process from other programs of the user, and
// ends that. Not for the whole run: the portals of a desktop refuse a program
// that they cannot look at.
func conceal(on bool) {
	if on {
		tty.Conceal()
	} else {
		tty.Reveal()
	}
}

// absolute returns the paths of files for a program with another working directory.
func absolute(files []string) []string {
	var paths []string
	for _, file := range files {
		if path, err := filepath.Abs(file); err == nil {
			paths = append(paths, path)
		}
	}
	return paths
}

// loop is that of the window.
var loop native.Loop

// run runs the window, and shows files to sign or verify in it.
func run(demo, hidden bool, module string, files []string) error {
	var (
		svc  gui.Service
		end  func()
		opts = gui.Options{Hidden: hidden, Tray: session.WatchTray, Choose: session.Choose, Secret: conceal, Do: loop.Do, Frame: &native.Frame{}}
		err  error
	)
	sole := &session.Once{}
	if demo {
		svc, opts.Demo, end, err = desktop.Demo(about)
	} else {
		sole, opts.Another = session.Claim(context.Background(), hidden, files)
		if sole == nil {
			return nil // the one that runs has opened its window
		}
		defer sole.Close()
		svc, end, err = desktop.New(module, about)
	}
	if err != nil {
		return err
	}
	defer end()
	app.SetMetadata(fyne.AppMetadata{
		ID: appID, Name: "CIE", Version: version.String(), Icon: gui.Icon,
		// Everything outside of the window's thread uses fyne.Do.
		Migrations: map[string]bool{"fyneDo": true},
	})
	a := app.NewWithID(appID)
	a.SetIcon(gui.Icon)
	ui := gui.New(a, svc, opts)
	if opts.Another {
		fmt.Fprintln(os.Stderr, "cie-gui:", ui.AnotherText())
	}
	ui.Show()
	ui.OpenFiles(files)
	sole.Serve(func(files []string) {
		loop.DoAndWait(ui.Open)
		ui.OpenFiles(files)
	})
	loop.Start(ui.Moving)
	a.Run()
	ui.Close()
	return nil
}
