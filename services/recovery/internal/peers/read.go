package peers

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"

	"centinela/shared/httpkit"
)

// maxAnswer bounds what is read of an answer, in bytes.
const maxAnswer = 1 << 20

// read takes an answer of a generated client: the T of a success (the zero T
// without content), or the fault that the peer's problem stands for.
func read[T any](resp *http.Response, err error) (v T, _ error) {
	if err != nil {
		return v, err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer))
	if err != nil {
		return v, fmt.Errorf("read a peer's answer: %w", err)
	}
	err = httpkit.Expect(resp.StatusCode, resp.Header, body, http.StatusOK, http.StatusNoContent)
	if err != nil || resp.StatusCode == http.StatusNoContent {
		return v, err
	}
	return v, json.Unmarshal(body, &v)
}
