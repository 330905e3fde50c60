package gateway

import "github.com/gin-gonic/gin"

// Engine lets tests register a route whose handler breaks (R3).
func (m *Module) Engine() *gin.Engine { return m.server.Engine() }
