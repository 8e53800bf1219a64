#include "config/views/recommend.hpp"

#include "config/names.hpp"
#include "config/spelling.hpp"
#include "config/views/view_parts.hpp"
#include "features/recommend.hpp"

namespace keyfold::config {

namespace {

/// Turns a definition into settings.
class settings_reader {
public:
  explicit settings_reader(const view_request& from)
      : from_(from), at_(from.definition), parts_(from) {
    made_.name = from.name;
  }

  std::shared_ptr<const view> make() {
    auto products = from_.tables.find_loaded(at_["table"], from_.name);
    if (products == nullptr)
      return nullptr;
    roles(*products);
    feature();
    auto rules = ranking(*products);
    occasion();
    memory();
    bounds();
    if (!parts_.sound())
      return nullptr;
    made_.ranking = products->add_index(ranking_by(std::move(rules)));
    made_.products = std::move(products);
    return parts_.finish(make_recommend(std::move(made_)));
  }

private:
  void roles(const table& products) {
    if (products.key().size() != 1) {
      parts_.refuse(at_["table"],
                    "the table " + at_["table"].quoted() + " is found by "
                        + std::to_string(products.key().size())
                        + " fields, and a product is one; choose another table, or another key");
      return;
    }
    const auto& key = products.columns()[products.key().front()];
    made_.clicks = role(*from_.inputs[0], "clicks", key);
    if (from_.inputs[1] != nullptr)
      made_.sales = role(*from_.inputs[1], "sales", key);
    for (const auto* name : {"sales_where", "bought_for", "max_bought"})
      if (auto given = at_[name]; given && from_.inputs[1] == nullptr)
        parts_.refuse(given, backquoted(name) + " needs `sales`, the stream of purchases");
    auto emitted = parts_.columns(*from_.inputs[0], "click_columns");
    made_.click_columns = std::move(emitted.places);
    made_.emitted = std::move(emitted.named);
  }

  recommend_settings::role role(view_columns& from, const std::string& name, const column& key) {
    recommend_settings::role out;
    out.stream = from.schema().name;
    auto at = at_["product"].is_object() ? at_["product"][name] : at_["product"];
    if (!at) {
      parts_.refuse(at_["product"], "say which column of " + backquoted(name) + " is the product");
      return out;
    }
    auto found = from.find_scalar(at);
    if (!found) {
      parts_.refuse_silently();
      return out;
    }
    out.product = *found;
    const auto& type = from.field(*found).type;
    if (!(type == key.type))
      parts_.refuse(at, "a product is " + backquoted(to_string(type)) + " in the stream "
                            + backquoted(out.stream) + " and " + backquoted(to_string(key.type))
                            + " in the table " + at_["table"].quoted()
                            + "; give both the same type");
    out.where = parts_.condition(from, name + "_where", out.where_text);
    return out;
  }

  void feature() {
    made_.feature = at_.text_or("feature", from_.name);
    if (at_["feature"] && !check_column_name(made_.feature, at_["feature"]))
      parts_.refuse_silently();
  }

  ranking_rules ranking(const table& products) {
    ranking_rules out;
    if (!products.key().empty())
      out.product = products.key().front();
    out.category = field(products, "category");
    out.rating = field(products, "rating");
    if (at_.text_or("rating_order", "number") == "text")
      out.by = ranking_rules::order::text;
    else if (parts_.sound() && !is_numeric(products.columns()[out.rating].type.kind))
      parts_.refuse(at_["rating"],
                    "a rating is " + backquoted(to_string(products.columns()[out.rating].type))
                        + ", and would be ordered as a number; make it one in the table's "
                          "`fields`, or set `rating_order` to `text`");
    if (auto condition = at_["available"]) {
      scope columns;
      for (const auto& x : products.columns())
        columns.push_back({x.name, x.type});
      out.available = compile_condition(condition, columns);
      if (!out.available)
        parts_.refuse_silently();
    }
    return out;
  }

  uint32_t field(const table& products, std::string_view name) {
    auto found = find_field(products, at_[name]);
    if (!found) {
      parts_.refuse_silently();
      return 0;
    }
    const auto& type = products.columns()[*found].type;
    if (type.kind == type_kind::list || type.kind == type_kind::map)
      parts_.refuse(at_[name], "the field " + at_[name].quoted() + " is "
                                   + backquoted(to_string(type)) + ", and cannot be a "
                                   + std::string{name});
    return *found;
  }

  void occasion() {
    made_.k = at_.whole_or("k", made_.k);
    made_.exclude_viewed = at_.flag_or("exclude_viewed", made_.exclude_viewed);
    made_.window = parts_.length_of("window").value_or(made_.window);
    if (at_.text_or("per", "window") == "window")
      return;
    made_.per = recommend_settings::occasion::click;
    if (at_["window"])
      parts_.refuse(at_["window"], "with a list for every click there are no windows; leave this "
                                   "out, or make lists `per` window");
  }

  void memory() {
    made_.avoid_repeats = at_.flag_or("avoid_repeats", made_.avoid_repeats);
    for (const auto* name : {"when_exhausted", "forget_after", "max_suggested"})
      if (auto given = at_[name]; given && !made_.avoid_repeats)
        parts_.refuse(given, backquoted(name) + " is about repeats, which are not avoided");
    if (at_.text_or("when_exhausted", "restart") == "nothing")
      made_.when_exhausted = recommend_settings::exhausted::nothing;
    made_.forget_after = parts_.length_of("forget_after").value_or(made_.forget_after);
    made_.bought_for = parts_.length_of("bought_for");
    made_.time_to_live = parts_.length_of("ttl");
  }

  void bounds() {
    made_.late = parts_.drops_late() ? recommend_settings::late_rows::drop
                                     : recommend_settings::late_rows::fold;
    made_.max_suggested = at_.whole_or("max_suggested", made_.max_suggested);
    made_.max_bought = at_.whole_or("max_bought", made_.max_bought);
    made_.max_pending_rows = at_.whole_or("max_pending_rows", made_.max_pending_rows);
  }

  const view_request& from_;
  const node& at_;
  view_parts parts_;
  recommend_settings made_;
};

} // namespace

std::shared_ptr<const view> read_recommend(const view_request& x) {
  return settings_reader{x}.make();
}

} // namespace keyfold::config
