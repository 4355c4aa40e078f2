package staff

// Cheap makes hashes of passwords cost little, for tests that make many.
func Cheap(s *Staff) { s.cost.memory, s.cost.time, s.cost.threads = 64, 1, 1 }
