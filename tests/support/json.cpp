// SPDX-License-Identifier: LGPL-2.1-or-later
// What is compiled of JSON for all tests.
#include "tests/support/json.hpp"

#include <ostream>

template class nlohmann::basic_json<>;

void nlohmann::PrintTo(const json& value, std::ostream* out)
{
    *out << value.dump();
}

nlohmann::json sr::test::parsed_json(const std::string& text)
{
    return nlohmann::json::parse(text);
}
