// The physics that simulated worlds share: discs and boxes that move, collide and rest.
//
// Pixels and frames are the units; x grows to the right, y downwards. Only +, -, *, / and square
// roots are used, in a fixed order: they have the same bits on every machine, which sines and
// cosines have not.
#pragma once

#include <array>
#include <cmath>
#include <cstdint>
#include <vector>

namespace nextframe {

struct Vector {
  double x = 0, y = 0;

  friend Vector operator+(Vector a, Vector b) { return {a.x + b.x, a.y + b.y}; }
  friend Vector operator-(Vector a, Vector b) { return {a.x - b.x, a.y - b.y}; }
  friend Vector operator*(double s, Vector a) { return {s * a.x, s * a.y}; }
  bool operator==(const Vector&) const = default;
};

inline double dot(Vector a, Vector b) { return a.x * b.x + a.y * b.y; }
inline double length(Vector a) { return std::sqrt(dot(a, a)); }

using Rgb = std::array<uint8_t, 3>;

/// Something that is drawn: an object (a part of the true state), or scenery.
struct Thing {
  enum class Shape { disc, box };
  Shape shape = Shape::disc;
  Vector position{};       // of its centre
  Vector velocity{};       // px a frame
  Vector half_size{};      // half of width and height; of a disc, its radius, twice
  Vector direction{1, 0};  // cosine and sine of a box's rotation
  Rgb colour{};
  double mass = 1;         // 0: nothing pushes it
  int layer = 0;           // higher ones are drawn over lower ones; of one layer, later ones
  bool is_present = true;  // else it neither acts nor is drawn
  bool is_drawn = true;
  bool is_solid = true;  // takes part in collisions, a disc with discs and with boxes

  double radius() const { return half_size.x; }
};

Thing disc(Vector position, double radius, Rgb colour);
Thing box(Vector position, Vector half_size, Rgb colour);  // of mass 0: nothing pushes it

struct Scene {
  std::vector<Thing> things{};  // the objects first, then the scenery
  size_t num_objects = 0;       // K
  double gravity = 0;           // px / frame^2, downwards
  double restitution = 1;       // of all collisions: 1 is elastic
  Vector size{64, 64};          // where the walls are
  bool has_walls = true;        // that discs bounce off
  Vector camera{};              // the scene's point that is the frame's upper left corner
  Rgb background{16, 16, 24};

  /// What touched during the last step, [K, K + 1]: object i and object j; last, object i and a
  /// wall or scenery. 1 or 0.
  std::vector<uint8_t> contacts{};

  Thing& object(size_t k) { return things[k]; }
  const Thing& object(size_t k) const { return things[k]; }
  void touch(size_t i, size_t j);  // things; notes a contact of what is an object
};

/// One frame later, in steps of at most half a pixel for speeds up to 4 px a frame: everything
/// moves, gravity pulls what has a mass, discs bounce off discs, boxes and walls. In free flight
/// positions are exact; a collision keeps the momentum along its normal and, if elastic, the
/// energy.
void step(Scene& scene);

/// The rotation `direction`, turned by `angle` (small, in radians; Cayley's formula, exact to third
/// order and without a sine).
Vector turned(Vector direction, double angle);

}  // namespace nextframe
