// Package preview draws pages of PDF documents. The renderer, PDFium, runs as
// WebAssembly in a sandbox without files and network, because documents come from
// strangers. What it cannot draw can be signed all the same.
package preview

import (
	"context"
	"errors"
	"fmt"
	"image"
	"image/draw"
	"io"
	"os"
	"sync"
	"time"

	"github.com/klippa-app/go-pdfium"
	"github.com/klippa-app/go-pdfium/references"
	"github.com/klippa-app/go-pdfium/requests"
	"github.com/klippa-app/go-pdfium/webassembly"
	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/api"
	"github.com/tetratelabs/wazero/experimental"

	"cie/cmd/internal/documents"
)

const (
	// idle is the time after which the memory of the renderer is released.
	idle = time.Minute
	// patience limits the time for one page; a document can keep the renderer busy without end.
	patience = 20 * time.Second
	// memory limits that of the renderer, in pages of 64 kB: 1 GB.
	memory = 1 << 14
	// maxSide limits the sides of the picture in pixels.
	maxSide = 4000
)

// Renderer draws pages, one at a time. The zero Renderer compiles PDFium at its first
// page, which takes seconds; with a Cache that is needed once.
type Renderer struct {
	// Cache is a directory for the compiled renderer; "": none.
	Cache string

	mu   sync.Mutex // of one page; it is also held by the timer
	run  *run
	stop *time.Timer
}

// run is a running renderer with at most one open document.
type run struct {
	cancel   context.CancelFunc
	cache    wazero.CompilationCache
	pool     pdfium.Pool
	instance pdfium.Pdfium
	open     *opened
}

// opened is the open document.
type opened struct {
	file     string
	size     int64
	modified time.Time
	in       *os.File
	document references.FPDF_DOCUMENT
	pages    int
}

// ErrPage reports a page that the document does not have.
var ErrPage = errors.New("no such page")

// Draw draws a page, counted from 1, in a picture of that width.
func (r *Renderer) Draw(ctx context.Context, file string, page, width int) (img image.Image, err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if err := ctx.Err(); err != nil {
		return nil, err // the person has gone on while another page was drawn
	}
	if r.stop != nil {
		r.stop.Stop()
	}
	defer func() {
		if panicked := recover(); panicked != nil {
			err = fmt.Errorf("preview: %v", panicked)
		}
		if err != nil {
			r.end()
			return
		}
		r.stop = time.AfterFunc(idle, r.Close)
	}()
	if r.run == nil {
		if r.run, err = start(r.Cache); err != nil {
			return nil, err
		}
	}
	// A renderer that is ended returns with an error.
	ended := time.AfterFunc(patience, r.run.cancel)
	defer ended.Stop()
	return r.run.draw(file, page, width)
}

// Close ends the renderer. The next page starts it again.
func (r *Renderer) Close() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.end()
}

func (r *Renderer) end() {
	if r.run != nil {
		r.run.close()
		r.run = nil
	}
}

func start(dir string) (*run, error) {
	ctx, cancel := context.WithCancel(context.Background())
	// PDFium is compiled for exceptions, which a configuration of one's own must name.
	config := wazero.NewRuntimeConfig().WithCoreFeatures(api.CoreFeaturesV2 | experimental.CoreFeaturesExceptionHandling).
		WithMemoryLimitPages(memory).WithCloseOnContextDone(true)
	u := &run{cancel: cancel}
	if dir != "" {
		// Without a cache it only takes longer.
		if cache, err := wazero.NewCompilationCacheWithDir(dir); err == nil {
			u.cache, config = cache, config.WithCompilationCache(cache)
		}
	}
	var err error
	u.pool, err = webassembly.Init(webassembly.Config{
		Context: ctx, MaxIdle: 1, MaxTotal: 1, RuntimeConfig: config,
		FSConfig: wazero.NewFSConfig(), // no files; by default it would see all of them
		Stdout:   io.Discard, Stderr: io.Discard,
	})
	if err == nil {
		u.instance, err = u.pool.GetInstanceWithContext(ctx)
	}
	if err != nil {
		u.close()
		return nil, fmt.Errorf("preview: %w", err)
	}
	return u, nil
}

func (u *run) close() {
	u.closeDocument()
	if u.pool != nil {
		_ = u.pool.Close()
	}
	u.cancel()
	if u.cache != nil {
		_ = u.cache.Close(context.Background())
	}
}

func (u *run) closeDocument() {
	if u.open == nil {
		return
	}
	_, _ = u.instance.FPDF_CloseDocument(&requests.FPDF_CloseDocument{Document: u.open.document})
	_ = u.open.in.Close()
	u.open = nil
}

// use opens a document unless it is open already and was not changed.
func (u *run) use(file string) error {
	in, size, err := documents.OpenRegular(file)
	if err != nil {
		return err
	}
	info, err := in.Stat()
	if o := u.open; err == nil && o != nil && o.file == file && o.size == size && o.modified.Equal(info.ModTime()) {
		return in.Close()
	}
	u.closeDocument()
	if err != nil {
		_ = in.Close()
		return err
	}
	d, err := u.instance.OpenDocument(&requests.OpenDocument{FileReader: in, FileReaderSize: size})
	if err != nil {
		_ = in.Close()
		return err
	}
	u.open = &opened{file: file, size: size, modified: info.ModTime(), in: in, document: d.Document}
	n, err := u.instance.FPDF_GetPageCount(&requests.FPDF_GetPageCount{Document: d.Document})
	if err == nil {
		u.open.pages = n.PageCount
	}
	return err
}

func (u *run) draw(file string, page, width int) (image.Image, error) {
	if err := u.use(file); err != nil {
		return nil, err
	}
	if page < 1 || page > u.open.pages {
		return nil, ErrPage
	}
	r, err := u.instance.RenderPageInPixels(&requests.RenderPageInPixels{
		Width: min(width, maxSide), Height: maxSide, RenderForm: true, Document: &u.open.document,
		Page: requests.Page{ByIndex: &requests.PageByIndex{Document: u.open.document, Index: page - 1}},
	})
	if err != nil {
		return nil, err
	}
	defer r.Cleanup()
	// The picture is in the memory of the renderer until Cleanup.
	drawn := r.Result.RenderedImage
	own := image.NewRGBA(drawn.Bounds())
	draw.Draw(own, own.Rect, drawn, drawn.Bounds().Min, draw.Src)
	return own, nil
}
