package page

import (
	"bytes"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"path"
	"strings"
	"sync"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
	"github.com/molecule-man/go-brrr"
)

//go:embed assets
var assetFiles embed.FS

// Content is an asset in every encoding that a browser may accept. All four are
// always there and must not be changed.
type Content struct {
	// Type is the value of Content-Type.
	Type                      string
	Plain, Gzip, Brotli, Zstd []byte
}

// Asset returns the content under a URL path such as
// "/assets/style.3f2a9c51d0ab.css". The name holds a hash of the content, so a
// browser may keep it for ever.
func Asset(urlPath string) (Content, bool) {
	content, ok := assets().contents[urlPath]
	return content, ok
}

// assetURL returns the path under which a file of assets/ is served.
func assetURL(name string) string { return assets().urls[name] }

type assetSet struct {
	urls     map[string]string  // by file name
	contents map[string]Content // by URL path
}

// assets are compressed once, at their best: it takes some milliseconds. The
// files are part of the program, so a failure is a defect of the build.
var assets = sync.OnceValue(func() assetSet {
	set := assetSet{map[string]string{}, map[string]Content{}}
	entries, err := assetFiles.ReadDir("assets")
	if err != nil {
		panic("page: " + err.Error())
	}
	for _, entry := range entries {
		name := entry.Name()
		plain, err := assetFiles.ReadFile("assets/" + name)
		if err != nil {
			panic("page: " + err.Error())
		}
		content, err := compressAll(plain)
		if err != nil {
			panic("page: " + err.Error())
		}
		content.Type = assetTypes[path.Ext(name)]
		sum := sha256.Sum256(plain)
		base := strings.TrimSuffix(name, path.Ext(name))
		url := "/assets/" + base + "." + hex.EncodeToString(sum[:6]) + path.Ext(name)
		set.urls[name], set.contents[url] = url, content
	}
	return set
})

var assetTypes = map[string]string{
	".css": "text/css; charset=utf-8",
	".svg": "image/svg+xml",
}

func compressAll(plain []byte) (Content, error) {
	var zipped bytes.Buffer
	gzipWriter, err := gzip.NewWriterLevel(&zipped, gzip.BestCompression)
	if err != nil {
		return Content{}, err
	}
	if _, err := gzipWriter.Write(plain); err != nil {
		return Content{}, err
	}
	if err := gzipWriter.Close(); err != nil {
		return Content{}, err
	}
	brotli, err := brrr.Compress(plain, brrr.BestCompression)
	if err != nil {
		return Content{}, err
	}
	zstdWriter, err := zstd.NewWriter(nil, zstd.WithEncoderLevel(zstd.SpeedBestCompression))
	if err != nil {
		return Content{}, err
	}
	defer zstdWriter.Close()
	return Content{
		Plain:  plain,
		Gzip:   zipped.Bytes(),
		Brotli: brotli,
		Zstd:   zstdWriter.EncodeAll(plain, nil),
	}, nil
}
