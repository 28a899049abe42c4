// Verifies an exported log with golang.org/x/mod/sumdb/note and tlog alone; knows none of our code.
//
// Usage: main DIR VKEY [WITNESS_VKEY...]. Prints the origin, the size and the root; every witness
// named must have cosigned (C2SP tlog-cosignature, Ed25519).
package main

import (
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

const height = 8
const width = 1 << height

type reader struct{ dir string }

func (r reader) Height() int { return height }

// tlog names the height in a path, "tile/8/0/000", and records "data"; C2SP tlog-tiles does not.
func (r reader) path(t tlog.Tile) string {
	path := strings.Replace(t.Path(), "tile/8/", "tile/", 1)
	return filepath.Join(r.dir, strings.Replace(path, "tile/data/", "tile/entries/", 1))
}

func (r reader) ReadTiles(tiles []tlog.Tile) ([][]byte, error) {
	var found [][]byte
	for _, t := range tiles {
		data, err := os.ReadFile(r.path(t))
		if err != nil {
			return nil, err
		}
		found = append(found, data)
	}
	return found, nil
}

func (r reader) SaveTiles([]tlog.Tile, [][]byte) {}

func check(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func refuse(format string, values ...interface{}) {
	check(fmt.Errorf(format, values...))
}

// witness is a note.Verifier of timestamped cosignatures, written from the specification.
type witness struct {
	name string
	key  ed25519.PublicKey
}

func newWitness(vkey string) witness {
	parts := strings.SplitN(vkey, "+", 3)
	key, err := base64.StdEncoding.DecodeString(parts[2])
	check(err)
	if len(key) != 33 || key[0] != 4 {
		refuse("not a key of cosignatures: %s", vkey)
	}
	return witness{parts[0], ed25519.PublicKey(key[1:])}
}

func (w witness) Name() string { return w.name }

func (w witness) KeyHash() uint32 {
	hash := sha256.Sum256([]byte(w.name + "\n\x04" + string(w.key)))
	return binary.BigEndian.Uint32(hash[:])
}

func (w witness) Verify(text, signature []byte) bool {
	if len(signature) != 72 {
		return false
	}
	time := binary.BigEndian.Uint64(signature)
	message := fmt.Sprintf("cosignature/v1\ntime %d\n%s", time, text)
	return ed25519.Verify(w.key, []byte(message), signature[8:])
}

// checkpoint opens the note with the key and returns the tree that it states.
func checkpoint(dir, key string, witnesses []string) (string, tlog.Tree) {
	verifier, err := note.NewVerifier(key)
	check(err)
	known := []note.Verifier{verifier}
	for _, vkey := range witnesses {
		known = append(known, newWitness(vkey))
	}
	data, err := os.ReadFile(filepath.Join(dir, "checkpoint"))
	check(err)
	opened, err := note.Open(data, note.VerifierList(known...))
	check(err)
	if len(opened.Sigs) != len(known) {
		refuse("%d of %d signers signed", len(opened.Sigs), len(known))
	}
	lines := strings.Split(opened.Text, "\n")
	if len(lines) != 4 || lines[0] != verifier.Name() {
		refuse("not a checkpoint of %s", verifier.Name())
	}
	size, err := strconv.ParseInt(lines[1], 10, 64)
	check(err)
	hash, err := base64.StdEncoding.DecodeString(lines[2])
	check(err)
	tree := tlog.Tree{N: size}
	if copy(tree.Hash[:], hash) != tlog.HashSize {
		refuse("the root is too short")
	}
	return lines[0], tree
}

// bundle returns the entries of one bundle.
func bundle(r reader, n int64, w int) [][]byte {
	data, err := os.ReadFile(r.path(tlog.Tile{H: height, L: -1, N: n, W: w}))
	check(err)
	var entries [][]byte
	for len(data) > 0 {
		if len(data) < 2 || len(data) < 2+int(binary.BigEndian.Uint16(data)) {
			refuse("bundle %d is cut", n)
		}
		end := 2 + int(binary.BigEndian.Uint16(data))
		entries = append(entries, data[2:end])
		data = data[end:]
	}
	if len(entries) != w {
		refuse("bundle %d holds %d entries, not %d", n, len(entries), w)
	}
	return entries
}

func main() {
	r := reader{os.Args[1]}
	origin, tree := checkpoint(r.dir, os.Args[2], os.Args[3:])
	// Reads tiles, and authenticates each against the signed root.
	hashes := tlog.TileHashReader(tree, r)
	// The tree made anew from the entries alone.
	var stored []tlog.Hash
	own := tlog.HashReaderFunc(func(indexes []int64) ([]tlog.Hash, error) {
		var found []tlog.Hash
		for _, index := range indexes {
			found = append(found, stored[index])
		}
		return found, nil
	})
	for first := int64(0); first < tree.N; first += width {
		w := tree.N - first
		if w > width {
			w = width
		}
		var indexes []int64
		for at := int64(0); at < w; at++ {
			indexes = append(indexes, tlog.StoredHashIndex(0, first+at))
		}
		leaves, err := hashes.ReadHashes(indexes)
		check(err)
		for at, entry := range bundle(r, first/width, int(w)) {
			if tlog.RecordHash(entry) != leaves[at] {
				refuse("entry %d is not the one in its tile", first+int64(at))
			}
			more, err := tlog.StoredHashes(first+int64(at), entry, own)
			check(err)
			stored = append(stored, more...)
		}
	}
	root, err := tlog.TreeHash(tree.N, own)
	check(err)
	if root != tree.Hash {
		refuse("the entries make another root")
	}
	prove(tree, hashes, own)
	fmt.Printf("%s %d %s\n", origin, tree.N, tree.Hash)
}

// prove makes inclusion and consistency proofs from the tiles and checks them with tlog.
func prove(tree tlog.Tree, hashes, own tlog.HashReader) {
	for n := int64(0); n < tree.N; n += 1 + tree.N/64 {
		proof, err := tlog.ProveRecord(tree.N, n, hashes)
		check(err)
		leaf, err := own.ReadHashes([]int64{tlog.StoredHashIndex(0, n)})
		check(err)
		check(tlog.CheckRecord(proof, tree.N, tree.Hash, n, leaf[0]))
		growth, err := tlog.ProveTree(tree.N, n+1, hashes)
		check(err)
		old, err := tlog.TreeHash(n+1, own)
		check(err)
		check(tlog.CheckTree(growth, tree.N, tree.Hash, n+1, old))
	}
}
