// SPDX-License-Identifier: LGPL-2.1-or-later
// The commands of the fakexen program, as the host serves them: a JSON object in, a JSON object out.
#pragma once

#include <string>

namespace fakexen {

class Server;

/// Serves {"command": NAME, …}. Answers {"ok": true, …} or {"ok": false, "error": TEXT}; whatever the request.
[[nodiscard]] std::string serve_control(Server& server, const std::string& request);

}  // namespace fakexen
