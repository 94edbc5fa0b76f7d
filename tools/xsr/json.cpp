// SPDX-License-Identifier: LGPL-2.1-or-later
// What is compiled of JSON for all of xsr.
#include "tools/xsr/json.hpp"

template class nlohmann::basic_json<nlohmann::ordered_map>;

std::string sr::json_text(const Json& document, int indent)
{
    return document.dump(indent, ' ', false, Json::error_handler_t::replace);
}
