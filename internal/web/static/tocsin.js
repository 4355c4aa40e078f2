// Comfort on top of pages that work without it. One module a concern; each looks for what it serves and else does nothing.

import "./tick.js";
import "./keys.js";
import "./palette.js";
import "./draft.js";
import "./live.js";
import "./cursor.js";
import "./copy.js";
